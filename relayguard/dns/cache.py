"""The cache of DNS answers: positive, negative and failed ones, each for its time."""

from collections.abc import Callable, Iterable
from itertools import islice

from relayguard.services import Answer, Question

_BYTES_PER_ENTRY = 1024
"""A bound on the average: a stranger's zone can fill 60 KB with one answer."""

_SWEPT_AFTER = 500
"""So many new answers, or a quarter of those that are kept, until the expired ones are looked for."""

_SWEPT_AT_ONCE = 500


class Cache:
    """Keeps no more than `entries` answers, or 1 KB for each on average; what has expired is not given out, nor kept long.

    Any thread may read; only the event loop writes.
    """

    def __init__(self, entries: int, monotonic: Callable[[], float]) -> None:
        self._limit = entries
        self._monotonic = monotonic
        self._answers: dict[Question, Answer] = {}
        self._bytes = 0
        self._unswept = 0

    def get(self, question: Question) -> Answer | None:
        """Return the answer if it is still good."""
        answer = self._answers.get(question)
        # What has expired is dropped when others come, for this may be another thread.
        return answer if answer is not None and answer.expires > self._monotonic() else None

    def find(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        """Return the answers that are still good."""
        answers, now = self._answers, self._monotonic()
        return {
            question: answer
            for question in questions
            if (answer := answers.get(question)) is not None and answer.expires > now
        }

    def put(self, question: Question, answer: Answer) -> None:
        """Keep `answer`, in place of the oldest one if the cache is full."""
        self._drop(question)
        self._bytes += _size(answer)
        self._answers[question] = answer
        while len(self._answers) > self._limit or self._bytes > self._limit * _BYTES_PER_ENTRY:
            self._drop(next(iter(self._answers)))
        self._unswept += 1
        # Most names are never asked for again. In shares of what is kept, so that a new answer pays for a few old ones.
        if self._unswept >= max(_SWEPT_AFTER, len(self._answers) // 4):
            self._sweep()

    def _sweep(self) -> None:
        now = self._monotonic()
        expired = (question for question, answer in self._answers.items() if answer.expires <= now)
        found = list(islice(expired, _SWEPT_AT_ONCE))
        for question in found:
            self._drop(question)
        # Where there are more, the next answer goes on: the loop must not be held.
        if len(found) < _SWEPT_AT_ONCE:
            self._unswept = 0

    def _drop(self, question: Question) -> None:
        dropped = self._answers.pop(question, None)
        if dropped is not None:
            self._bytes -= _size(dropped)

    def __len__(self) -> int:
        return len(self._answers)


def _size(answer: Answer) -> int:
    # What was read from a text lives as long as the answer: of a key, four times its length. The smallest object
    # that Python keeps of each costs more than its octets.
    texts = 192 * len(answer.texts) + 4 * sum(map(len, answer.texts))
    return 256 + texts + 128 * len(answer.hosts) + 256 * len(answer.exchanges)
