"""SPF of one identity: ask first, then evaluate; what is missing is asked, and it is evaluated again."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import spf

from relayguard import Answer, Cap, IpAddress, Metrics, Question, Resolver, SpfValue, to_a_labels
from relayguard_plugins.spf.query import MissingAnswer, Query

WIDEST: Mapping[int, int] = {32: 8, 128: 16}

MAX_QUERIES = 50
"""DNS questions for one evaluation. RFC 7208's own limits allow twice as many, if every MX has ten hosts."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What SPF says of a domain; `reason` explains a temperror or permerror.

    `permissive` marks a pass by records that let more addresses pass than the `Evaluator` was told to put up with.
    """

    value: SpfValue
    reason: str | None = None
    permissive: bool = False


class Evaluator:
    """Evaluates SPF within `timeout` seconds; `receiver` is our name, for the ``%{r}`` macro.

    `widest` maps the bits of an address (32, 128) to the prefix of the largest network that is not permissive.
    """

    def __init__(
        self,
        resolver: Resolver,
        metrics: Metrics,
        receiver: str,
        timeout: float,
        widest: Mapping[int, int] = WIDEST,
    ) -> None:
        self._resolver = resolver
        self._metrics = metrics
        self._receiver = receiver
        self._timeout = timeout
        self._widest = widest

    async def check(self, client: IpAddress | None, local_part: str, domain: str, helo: str) -> Checked:
        """Run check_host() of RFC 7208 §4 for `local_part`@`domain`."""
        name = to_a_labels(domain)
        # RFC 7208 §4.3: malformed, a single label, or an address literal: none.
        if client is None or name is None or "." not in name:
            return Checked(SpfValue.NONE)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._evaluate(str(client).partition("%")[0], local_part, name, helo)
        except TimeoutError:
            return Checked(SpfValue.TEMPERROR, "DNS took too long")

    async def _evaluate(self, client: str, local_part: str, domain: str, helo: str) -> Checked:
        answers: dict[Question, Answer] = {}
        late: set[Question] = set()
        while True:
            try:
                cached = self._resolver.cached
                return self._outcome(Query(client, local_part, domain, helo, self._receiver, answers, late, cached))
            except MissingAnswer as missing:
                if len(answers) + len(late) + len(missing.questions) > MAX_QUERIES:
                    self._metrics.cap_hit(Cap.DNS_QUERIES)
                    return Checked(SpfValue.PERMERROR, f"more than {MAX_QUERIES} DNS queries")
                if missing.dispensable:
                    answers |= await self._ask_briefly(missing.questions)
                    late |= set(missing.questions) - set(answers)
                else:
                    answers |= await self._resolver.resolve_all(missing.questions)

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
