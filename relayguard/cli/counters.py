"""What ``relayguard limits`` does: reads the counters that the daemon keeps, while it runs or not."""

import heapq
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from relayguard.app import build_backend
from relayguard.cli.offline import load_checked
from relayguard.config import Config, ConfigError, Problem
from relayguard.core.envelope import Role
from relayguard.core.limits import Charge, Limit, Standing
from relayguard.rehearsal import rehearsal_of, rehearse
from relayguard.stores.backend import Backend, Entry, StoreError
from relayguard.stores.declared import Declarations, NoStore

Declared = Mapping[str, tuple[Limit, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who sends what to whom, as far as somebody wants to know how limits stand for that."""

    client: str
    login: str | None
    sender: str | None
    recipient: str
    listener: str | None


class PeekingStore(Declarations):
    """A `Store` that counts nothing, and keeps what it was asked; `trouble` is why it could not look, if it could not."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend
        self.trouble: StoreError | None = None
        self.seen: list[tuple[Charge, Standing]] = []

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Store`."""
        try:
            standings = await self._backend.look(charges)
        except StoreError as error:
            # It must not get lost in the hook that asks.
            self.trouble = error
            raise
        self.seen += zip(charges, standings, strict=True)
        return standings


@dataclass(frozen=True, slots=True)
class Counters:
    """Where the daemon counts, and the limits by which its filters do."""

    config: Config
    declared: Declared
    backend: Backend


def limits_of(path: Path) -> tuple[Config, Declared]:
    """Return the configuration and the limits that its filters count by; raises ConfigError."""
    store = NoStore()
    snapshot, _ = load_checked(path, store)
    return snapshot.config, store.declared


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Counters]:
    """Yield the counters of a configuration; raises ConfigError if there are none that can be seen."""
    config, declared = limits_of(path)
    if config.store.kind == "memory":
        raise ConfigError([Problem("store.kind", "what is counted in the memory of the workers cannot be seen")])
    backend = build_backend(config)
    try:
        yield Counters(config, declared, backend)
    finally:
        await backend.close()


async def fullest(backend: Backend, number: int, limit: str | None = None) -> list[Entry]:
    """Return the counters of which most is used, the fullest first."""
    found: list[tuple[float, Entry]] = []
    async for entry in backend.entries():
        if limit in (None, entry.limit):
            # There may be a million.
            (heapq.heappush if len(found) < number else heapq.heappushpop)(found, (entry.used, entry))
    return [entry for _, entry in sorted(found, reverse=True)]


async def of_key(backend: Backend, key: str) -> list[Entry]:
    """Return all counters of a key."""
    spelled = (key, key.casefold())
    return [entry async for entry in backend.entries() if entry.key in spelled]


async def reset(backend: Backend, names: Sequence[str], key: str) -> list[str]:
    """Forget the counters of a key; return the limits that had one."""
    spelled = dict.fromkeys((key, key.casefold()))
    return [name for name in names if any([await backend.forget(name, each) for each in spelled])]


async def try_out(asked: Asked, config: Config, backend: Backend) -> list[tuple[Charge, Standing]]:
    """Return every limit that would be charged for such mail, and how it stands; counts nothing."""
    store = PeekingStore(backend)
    # Nothing that another filter says, or a limit that is reached, may keep the later ones from being asked.
    names = {name for listener in config.listener for name in config.filters_of(listener)}
    tables = {name: {**config.filter.get(name, {}), "mode": "shadow"} for name in {*names, *config.filter}}
    role = Role.SUBMISSION if asked.login is not None else None
    sender = asked.sender if asked.sender is not None else asked.login or ""
    message = f"From: {sender}\r\n\r\n".encode()
    rehearsal = rehearsal_of(
        message, asked.client, "client.example", sender, (asked.recipient,), role, asked.listener, asked.login
    )
    await rehearse(rehearsal, config.model_copy(update={"filter": tables}), "", store)
    if store.trouble is not None:
        raise store.trouble
    return store.seen


def when(seconds: float) -> str:
    """Return a time of day, with the date where it is not today's."""
    try:
        then, today = time.localtime(seconds), time.localtime()
    except (OverflowError, ValueError, OSError):
        return "never"
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)
