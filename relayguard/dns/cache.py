"""The cache of DNS answers: positive, negative and failed ones, each for its time."""

from collections.abc import Callable

from relayguard.services import Answer, Question


class Cache:
    """Keeps answers until they expire, and no more than `entries` of them."""

    def __init__(self, entries: int, monotonic: Callable[[], float]) -> None:
        self._limit = entries
        self._monotonic = monotonic
        self._answers: dict[Question, Answer] = {}

    def get(self, question: Question) -> Answer | None:
        """Return the answer if it is still good."""
        answer = self._answers.get(question)
        if answer is not None and answer.expires <= self._monotonic():
            del self._answers[question]
            return None
        return answer

    def put(self, question: Question, answer: Answer) -> None:
        """Keep `answer`, in place of the oldest one if the cache is full."""
        while len(self._answers) >= self._limit:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = answer

    def __len__(self) -> int:
        return len(self._answers)
