"""Sessions, envelopes and headers with sensible defaults, and a way to collect what a hook yields."""

import asyncio
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from relayguard.core.address import parse_path
from relayguard.core.caps import Cap
from relayguard.core.effects import Effect
from relayguard.core.envelope import Envelope, Role
from relayguard.core.headers import Headers
from relayguard.core.limits import Charge, Standing
from relayguard.core.message import split_message
from relayguard.core.session import Session
from relayguard.dns.zone import ZoneResolver
from relayguard.files import OperatorFiles
from relayguard.services import Clock, Services
from relayguard.stores.declared import Declarations
from relayguard.stores.memory import MemoryBackend

NOON = 1_795_435_200.0
"""Monday, 23 November 2026, 12:00 UTC: where `FrozenClock` stands."""


@dataclass
class FrozenClock:
    """A `Clock` that stands still until it is told to go on."""

    seconds: float = NOON

    def now(self) -> float:
        """See `Clock`."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class _Counter:
    name: str
    counted: list[tuple[str, ...]]

    def add(self, *values: str) -> None:
        self.counted.append((self.name, *values))


@dataclass
class CountedMetrics:
    """`Metrics` that remember what was counted."""

    caps: list[Cap] = field(default_factory=list)
    counted: list[tuple[str, ...]] = field(default_factory=list)

    def counter(self, name: str, help: str, labels: Mapping[str, Sequence[str]]) -> _Counter:  # noqa: A002
        """See `Metrics`; what is counted stands in `counted`, the name first."""
        return _Counter(name, self.counted)

    def cap_hit(self, cap: Cap) -> None:
        """See `Metrics`."""
        self.caps.append(cap)


class MemoryStore(Declarations):
    """A `Store` in memory, by the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._backend = MemoryBackend(now=clock.now)

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Store`."""
        return await self._backend.take(charges)


def some_services(zone: str = "") -> Services:
    """Return services whose DNS is the zone file `zone`, and whose clock stands at `NOON`."""
    clock = FrozenClock()
    return Services(
        resolver=ZoneResolver(zone),
        clock=clock,
        metrics=CountedMetrics(),
        store=MemoryStore(clock),
        files=OperatorFiles(),
        authserv_id="mx.example.com",
    )


def a_session(client: str = "192.0.2.1", **facts: Any) -> Session:
    """Return a session of a client at `client` that said HELO."""
    return Session(client_address=ip_address(client), **{"helo": "client.example", **facts})


def an_envelope(sender: str = "sender@example.org", role: Role = Role.INCOMING, **facts: Any) -> Envelope:
    """Return an envelope of incoming mail."""
    return Envelope(sender=parse_path(sender.encode()), role=role, **facts)


def some_headers(text: str | bytes) -> Headers:
    """Return the headers of a message, from its text."""
    raw = text.encode() if isinstance(text, str) else text
    return Headers.of(*split_message(raw)[0])


def collect(effects: Iterable[Effect] | AsyncIterable[Effect] | None) -> list[Effect]:
    """Return what a hook yields, be it plain or async, as a list.

    >>> from relayguard import Reject
    >>> collect(iter([Reject()]))
    [Reject(text='Message refused', code=550, enhanced='5.7.1')]
    """
    if effects is None:
        return []
    if isinstance(effects, Iterable):
        return list(effects)

    async def gather() -> list[Effect]:
        return [effect async for effect in effects]

    return asyncio.run(gather())
