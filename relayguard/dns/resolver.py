"""The resolver that the daemon gives to filters: asks over UDP, then TCP, behind the cache."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import dns.asyncquery
import dns.exception
import dns.message
import dns.resolver

from relayguard.core.domain import to_a_labels
from relayguard.dns.cache import Cache
from relayguard.dns.reading import failure, read
from relayguard.dns.udp import Query, Truncated, ask
from relayguard.services import Answer, Question, Status

Nameserver = tuple[str, int]

MAX_IN_FLIGHT = 4096
"""Queries at one time; each has a socket of its own, so that its port cannot be guessed."""

_FIRST_TRY = 1.5


class DnsObserver(Protocol):
    """Who counts queries."""

    def dns_answered(self, question: Question, answer: Answer, seconds: float) -> None:
        """A question that was not in the cache has been answered, or given up."""

    def dns_cache_hit(self, count: int = 1) -> None:
        """So many questions were answered from the cache."""


class CachingResolver:
    """See `relayguard.services.Resolver`. Names are absolute: no search list is ever applied.

    It belongs to the event loop on which it is made, and asks from there alone. `timeout` is in seconds, for one answer with all its retries; several messages that want the same
    answer share one query.
    """

    def __init__(
        self,
        nameservers: Sequence[Nameserver],
        timeout: float,
        cache_entries: int,
        observer: DnsObserver,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not nameservers:
            raise ValueError("no nameserver: set dns.nameservers, or name one in /etc/resolv.conf")
        self._loop = asyncio.get_running_loop()
        self._nameservers = tuple(nameservers)
        self._timeout = timeout
        self._observer = observer
        self._monotonic = monotonic
        self._cache = Cache(cache_entries, monotonic)
        self._places = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight: dict[Question, asyncio.Task[Answer]] = {}

    def cached(self, question: Question) -> Answer | None:
        """See `Resolver`."""
        answer = self._cache.get(question)
        if answer is not None:
            self._observer.dns_cache_hit()
        return answer

    async def resolve(self, question: Question) -> Answer:
        """See `Resolver`."""
        answer = self.cached(question)
        if answer is not None:
            return answer
        # A message that gives up must not take the answer away from the others.
        return await asyncio.shield(self._flight(question))

    def prefetch(self, questions: Iterable[Question]) -> None:
        """See `Resolver`."""
        wanted = tuple(questions)
        known = self._cache.find(wanted)
        missing = [question for question in wanted if question not in known]
        if not missing:
            return
        if self._is_at_home():
            self._begin(missing)
            return
        # A thread that is late may outlive the loop; then nobody wants the answers.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._begin, missing)

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """See `Resolver`."""
        wanted = tuple(questions)
        answers = self._cache.find(wanted)
        if answers:
            self._observer.dns_cache_hit(len(answers))
        # A task for each would cost more than all else where the answers are at hand.
        missing = dict.fromkeys(question for question in wanted if question not in answers)
        if missing:
            flights = [self._flight(question) for question in missing]
            # It leaves them to the others if this message gives up, at half the cost of a shield for each.
            await asyncio.wait(flights)
            answers.update((question, flight.result()) for question, flight in zip(missing, flights, strict=True))
        return answers

    def _is_at_home(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _begin(self, questions: Iterable[Question]) -> None:
        for question in questions:
            if self._cache.get(question) is None:
                self._flight(question)

    def _flight(self, question: Question) -> asyncio.Task[Answer]:
        task = self._in_flight.get(question)
        if task is None:
            task = self._in_flight[question] = self._loop.create_task(self._ask(question))
        return task

    async def _ask(self, question: Question) -> Answer:
        try:
            answer = await self._answer(question)
            self._cache.put(question, answer)
            return answer
        finally:
            del self._in_flight[question]

    async def _answer(self, question: Question) -> Answer:
        started = self._monotonic()
        name = absolute(question.name)
        if name is None:
            # No such name can exist; asking would only tell strangers what we were sent.
            return Answer(status=Status.NXDOMAIN, expires=started + 60)
        async with self._places:
            answer = await self._ask_any(name, question, started + self._timeout)
        self._observer.dns_answered(question, answer, self._monotonic() - started)
        return answer

    async def _ask_any(self, name: bytes, question: Question, deadline: float) -> Answer:
        answer: Answer | None = None
        attempt = 0
        while (left := deadline - self._monotonic()) > 0:
            host, port = self._nameservers[attempt % len(self._nameservers)]
            attempt += 1
            try:
                answer = await self._exchange(name, question, host, port, min(_FIRST_TRY * attempt, left))
            except (TimeoutError, dns.exception.Timeout):
                answer = failure("timeout", self._monotonic())
                continue
            except (dns.exception.DNSException, OSError, EOFError) as error:
                answer = failure(type(error).__name__, self._monotonic())
                # A server that refuses at once may be back in a moment, or stay away for long.
                await asyncio.sleep(min(0.05 * 2**attempt, left))
                continue
            if answer.status is not Status.TEMPERROR or attempt >= len(self._nameservers):
                return answer
        return answer or failure("timeout", self._monotonic())

    async def _exchange(self, name: bytes, question: Question, host: str, port: int, seconds: float) -> Answer:
        query = Query(name, question)
        try:
            return await ask(query.to_wire(), host, port, seconds, lambda wire: query.read(wire, self._monotonic()))
        except Truncated:
            again = dns.message.from_wire(query.to_wire())
            response = await dns.asyncquery.tcp(again, host, timeout=seconds, port=port)
            return read(question, response, self._monotonic())


def absolute(name: str) -> bytes | None:
    """Build a name for the wire from its labels: nothing in it is read as an escape (SPF macros may hold anything).

    Returns None if no such name can exist.
    """
    ascii_name = name.removesuffix(".") if name.isascii() else to_a_labels(name)
    # RFC 1035 §2.3.4: 255 octets, which are those of the text, one for the first label's length, and one for the root.
    if not ascii_name or len(ascii_name) > 253:
        return None
    labels = ascii_name.encode("ascii").split(b".")
    if not all(labels) or max(map(len, labels)) > 63:
        return None
    return b"".join([b"%c%b" % (len(label), label) for label in labels]) + b"\0"


def system_nameservers() -> list[Nameserver]:
    """Return the nameservers of /etc/resolv.conf; an empty list if there is none."""
    try:
        resolver = dns.resolver.Resolver(configure=True)
    except (dns.resolver.NoResolverConfiguration, OSError):
        return []
    return [(str(host), 53) for host in resolver.nameservers]
