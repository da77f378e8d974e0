"""Drives the real pipeline as a transport does, with filters written in the test."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TypeVar

from relayguard import Envelope, Outcome, Role, Session, Stage
from relayguard.core.verdicts import Defer, Reject
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.connection import Client, Connection, Pipeline
from relayguard.pipeline.dispatch import BUDGETS, Dispatcher
from relayguard.pipeline.filters import Filter, Mode, OnFailure, Policy
from relayguard.pipeline.needs import needs_of
from relayguard.pipeline.record import EnvelopeRecord, HookRun, Observer, Observers
from relayguard.pipeline.registry import Candidate, register
from relayguard.pipeline.rules import Rules
from relayguard.pipeline.transaction import Ending
from relayguard.testing import CountedMetrics

T = TypeVar("T")

RULES = Rules(
    authserv_id="mx.example.com",
    local_networks=(ip_network("127.0.0.0/8"),),
    submission_networks=(ip_network("198.51.100.0/24"),),
    submission_daemons=frozenset({"ORIGINATING"}),
    trusted_relays=(ip_network("203.0.113.0/24"),),
)
STRANGER = Client(ip_address("192.0.2.1"), "client.example", 12345)
FROM = ("From", b" a@example.org")
SHADOW = Policy(dict.fromkeys(Role, Mode.SHADOW))
DEFERRING = Policy(on_failure=OnFailure.DEFER)


class Hands:
    """A clock that stands still until a test moves it."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Recorder(Observer):
    """An observer that remembers everything."""

    sessions: list[str] = field(default_factory=list)
    begun: list[Envelope] = field(default_factory=list)
    runs: list[HookRun] = field(default_factory=list)
    records: list[EnvelopeRecord] = field(default_factory=list)
    breakers: list[tuple[str, Stage, bool]] = field(default_factory=list)
    holds: list[tuple[str, Stage, float, bool]] = field(default_factory=list)

    def connected(self, session: Session) -> None:
        self.sessions.append("connected")

    def closed(self, session: Session) -> None:
        self.sessions.append("closed")

    def began(self, envelope: Envelope) -> None:
        self.begun.append(envelope)

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        self.runs.append(run)

    def breaker_changed(self, filter_name: str, stage: Stage, *, is_open: bool) -> None:
        self.breakers.append((filter_name, stage, is_open))

    def loop_held(self, filter_name: str, stage: Stage, seconds: float, *, moved: bool) -> None:
        self.holds.append((filter_name, stage, seconds, moved))

    def decided(self, record: EnvelopeRecord) -> None:
        self.records.append(record)

    @property
    def outcomes(self) -> list[Outcome]:
        return [record.decision.outcome for record in self.records]


def filters_of(*instances: object, policy: Policy | Mapping[object, Policy] = Policy()) -> tuple[Filter, ...]:  # noqa: B008
    """Register filters under the names of their classes in lower case."""
    names = [type(instance).__name__.lower() for instance in instances]
    policies = [policy if isinstance(policy, Policy) else policy.get(instance, Policy()) for instance in instances]
    return register([Candidate(*each) for each in zip(names, instances, policies, strict=True)])


class Rig:
    """One connection through a pipeline, and everything that it told its observers."""

    def __init__(
        self,
        *instances: object,
        policy: Policy | Mapping[object, Policy] = Policy(),  # noqa: B008
        budgets: Mapping[Stage, float] = BUDGETS,
        monotonic: Callable[[], float] = time.monotonic,
        timer: Callable[[], float] = time.perf_counter,
        rules: Rules = RULES,
    ) -> None:
        filters = filters_of(*instances, policy=policy)
        self.seen = Recorder()
        self.prometheus = PrometheusMetrics("0")
        self.counted = CountedMetrics()
        observer = Observers([self.seen, self.prometheus])
        self.pipeline = Pipeline(
            listener="default",
            needs=needs_of(filters),
            dispatcher=Dispatcher(filters, observer, budgets, timer, monotonic),
            observer=observer,
            rules=rules,
            metrics=self.counted,
        )
        self.connection: Connection = self.pipeline.open()

    async def greet(self, client: Client = STRANGER, helo: str = "client.example") -> None:
        await self.connection.connect(client)
        await self.connection.helo(helo, {})

    async def mail(
        self, sender: str = "a@example.org", words: Sequence[str] = (), **macros: str
    ) -> Reject | Defer | None:
        return await self.connection.mail_from(f"<{sender}>".encode(), words, macros)

    async def rcpt(self, recipient: str = "b@example.com") -> Reject | Defer | None:
        return await self.connection.rcpt_to(f"<{recipient}>".encode())

    async def data(self, *pairs: tuple[str, bytes], body: Sequence[bytes] = (b"hello\r\n",)) -> Ending:
        await self.connection.end_of_headers(pairs or (FROM,), "4ABC")
        for chunk in body:
            await self.connection.body(chunk)
        ending = await self.connection.end_of_message("4ABC")
        assert ending is not None
        return ending

    async def message(self, *pairs: tuple[str, bytes], body: Sequence[bytes] = (b"hello\r\n",)) -> Ending:
        """Send one whole message that nothing refuses before its end."""
        assert await self.mail() is None
        assert await self.rcpt() is None
        return await self.data(*pairs, body=body)

    def sample(self, name: str) -> float:
        """The sum of a metric over all its labels."""
        return sum(
            sample.value
            for family in self.prometheus.registry.collect()
            for sample in family.samples
            if sample.name == name
        )


def run(rig: Rig, test: Callable[[Rig], Awaitable[T]]) -> T:
    """Greet, run `test`, close."""

    async def inside() -> T:
        await rig.greet()
        try:
            return await test(rig)
        finally:
            await rig.connection.close()

    return asyncio.run(inside())


def send(rig: Rig, *pairs: tuple[str, bytes], body: Sequence[bytes] = (b"hello\r\n",)) -> Ending:
    """Send one message over one connection."""

    async def one(rig: Rig) -> Ending:
        return await rig.message(*pairs, body=body)

    return run(rig, one)
