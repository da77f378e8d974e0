"""SPF of an identity: ask first, then evaluate; what is missing is asked, and it is evaluated again.

A result that rests on nothing but the client's address and the domain is kept for as long as the records hold.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import spf

from relayguard import Answer, Cap, IpAddress, Metrics, Question, Resolver, SpfValue, Status, to_a_labels
from relayguard_plugins.spf.kept import Kept
from relayguard_plugins.spf.query import MissingAnswer, Query, Terms, first_question

WIDEST: Mapping[int, int] = {32: 8, 128: 16}

MAX_QUERIES = 50
"""DNS questions for one evaluation. RFC 7208's own limits allow twice as many, if every MX has ten hosts."""

MAX_KEPT = 4096
"""Results that are kept, some 2 MB."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What SPF says of a domain; `reason` explains a temperror or permerror.

    `permissive` marks a pass by records that let more addresses pass than the `Evaluator` was told to put up with.
    """

    value: SpfValue
    reason: str | None = None
    permissive: bool = False


class Sender(NamedTuple):
    """Who sends: the arguments of check_host() (RFC 7208 §4.1), with the name that HELO gave."""

    client: IpAddress | None
    local_part: str
    domain: str
    helo: str


_NONE = Checked(SpfValue.NONE)


class _Evaluation:
    """An evaluation on its way: what is known, and what it needs next."""

    __slots__ = ("answers", "key", "late", "missing", "sender")

    def __init__(self, key: tuple[bytes, str], sender: Sender) -> None:
        self.key = key
        self.sender = sender
        self.answers: dict[Question, Answer] = {}
        self.late: set[Question] = set()
        self.missing: MissingAnswer | None = None

    @property
    def expires(self) -> float:
        """Until when the result holds; at once if something that it rests on is not known for sure."""
        if self.late or any(answer.status is Status.TEMPERROR for answer in self.answers.values()):
            return 0.0
        return min((answer.expires for answer in self.answers.values()), default=0.0)


class Evaluator:
    """Evaluates SPF within `timeout` seconds; `receiver` is our name, for the ``%{r}`` macro.

    `widest` maps the bits of an address (32, 128) to the prefix of the largest network that is not permissive.
    `monotonic` is the clock of the resolver.
    """

    def __init__(
        self,
        resolver: Resolver,
        metrics: Metrics,
        receiver: str,
        timeout: float,
        widest: Mapping[int, int] = WIDEST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._metrics = metrics
        self._receiver = receiver
        self._timeout = timeout
        self._widest = widest
        self._terms = Terms()
        self._kept: Kept[tuple[bytes, str], Checked] = Kept(MAX_KEPT, monotonic)

    async def check(self, client: IpAddress | None, local_part: str, domain: str, helo: str) -> Checked:
        """Run check_host() of RFC 7208 §4 for `local_part`@`domain`."""
        return (await self.check_all([Sender(client, local_part, domain, helo)]))[0]

    async def check_all(self, senders: Sequence[Sender]) -> list[Checked]:
        """Run check_host() for each of them; none waits for the name servers of another."""
        begun = [self._begin(sender) for sender in senders]
        waiting = [each for each in begun if isinstance(each, _Evaluation)]
        finished = iter(await asyncio.gather(*map(self._finish, waiting)) if waiting else ())
        return [next(finished) if isinstance(each, _Evaluation) else each for each in begun]

    def _begin(self, sender: Sender) -> Checked | _Evaluation:
        """Return the result if nobody need be asked for it."""
        if sender.client is None:
            return _NONE
        key = sender.client.packed, sender.domain
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        name = to_a_labels(sender.domain)
        # RFC 7208 §4.3: malformed, a single label, or an address literal: none.
        if name is None or "." not in name:
            return _NONE
        evaluation = _Evaluation(key, sender._replace(domain=name))
        return evaluation if self._lacks_record(evaluation, name) else self._run(evaluation) or evaluation

    def _lacks_record(self, evaluation: _Evaluation, name: str) -> bool:
        # Without the domain's own record nothing can be said, and to see that in a run costs half of a whole one.
        first = first_question(name)
        if first is None:
            return False
        answer = self._resolver.cached(first)
        if answer is None:
            evaluation.missing = MissingAnswer([first], dispensable=False)
            return True
        evaluation.answers[first] = answer
        return False

    async def _finish(self, evaluation: _Evaluation) -> Checked:
        try:
            async with asyncio.timeout(self._timeout):
                checked = None
                while checked is None:
                    checked = await self._ask(evaluation) or self._run(evaluation)
                return checked
        except TimeoutError:
            return Checked(SpfValue.TEMPERROR, "DNS took too long")

    async def _ask(self, evaluation: _Evaluation) -> Checked | None:
        """Ask for what is missing; return the result if that is too much."""
        missing = evaluation.missing
        assert missing is not None, "nothing is missing"
        answers, late, questions = evaluation.answers, evaluation.late, missing.questions
        if len(answers) + len(late) + len(questions) > MAX_QUERIES:
            self._metrics.cap_hit(Cap.DNS_QUERIES)
            return Checked(SpfValue.PERMERROR, f"more than {MAX_QUERIES} DNS queries")
        if missing.dispensable:
            answers |= await self._ask_briefly(questions)
            late |= set(questions) - set(answers)
        else:
            answers |= await self._resolver.resolve_all(questions)
        return None

    def _run(self, evaluation: _Evaluation) -> Checked | None:
        """Evaluate over the answers at hand; None if one is missing."""
        (client, local_part, domain, helo), answers = evaluation.sender, evaluation.answers
        address = str(client).partition("%")[0]
        cached, receiver, late = self._resolver.cached, self._receiver, evaluation.late
        query = Query(address, local_part, domain, helo, receiver, answers, self._terms, late, cached)
        try:
            checked = self._outcome(query)
        except MissingAnswer as missing:
            # Its traceback holds the evaluation: a circle, which only a collection of garbage would end.
            evaluation.missing = missing.with_traceback(None)
            return None
        if not query.names_sender:
            self._kept.put(evaluation.key, checked, evaluation.expires)
        return checked

    async def _ask_briefly(self, questions: Sequence[Question]) -> Mapping[Question, Answer]:
        """Return what is answered within a share of the time that is enough for a lost packet to be sent again."""
        asked = {question: asyncio.ensure_future(self._resolver.resolve(question)) for question in questions}
        done, pending = await asyncio.wait(asked.values(), timeout=self._timeout * 3 / 8)
        for task in pending:
            task.cancel()
        return {question: task.result() for question, task in asked.items() if task in done}

    def _outcome(self, query: Query) -> Checked:
        try:
            value, _, _ = query.check()
        except (spf.PermError, ValueError) as error:
            return Checked(SpfValue.PERMERROR, str(error))
        if value == SpfValue.PASS:
            width = query.ipaddr.max_prefixlen
            return Checked(SpfValue.PASS, permissive=query.authorised > 1 << (width - self._widest[width]))
        explained = value in (SpfValue.TEMPERROR, SpfValue.PERMERROR)
        return Checked(SpfValue(value), query.prob if explained else None)
