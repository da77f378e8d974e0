"""What a store must be able to do, and how it says that it cannot just now."""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from relayguard.core.limits import Charge, Standing


class Trouble(StrEnum):
    """Why a store did not answer."""

    TIMEOUT = "timeout"
    """It did not answer in time, or somebody else held it for too long."""
    UNREACHABLE = "unreachable"
    """There is no connection, or no file that can be opened."""
    FULL = "full"
    """It takes no more: the disk, the file or the server's memory is full."""
    BROKEN = "broken"
    """What it holds or answers cannot be read."""


class StoreError(Exception):
    """The store did not do what it was asked for."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        self.trouble = trouble
        self.refused: tuple[int, ...] = ()
        """The numbers of the charges that a full store has no room for, if it would count the others."""
        super().__init__(message)


class Entry(NamedTuple):
    """One counter: whose it is, and the used part of its capacity. It ends at `expires`, if nothing comes."""

    limit: str
    key: str
    used: float
    expires: float


class Backend(Protocol):
    """Where counters are kept. Every method raises StoreError, and none waits longer than its deadline."""

    name: str

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """Judge the charges together, and count them: all in one step that nobody else comes between."""

    async def look(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """Judge the charges together as `take` would, and count nothing."""

    def entries(self) -> AsyncIterator[Entry]:
        """Yield all counters that say something. For people: it may take its time."""

    async def forget(self, limit: str, key: str) -> bool:
        """Forget a counter; return whether there was one."""

    async def keep(self) -> None:
        """Do what is to be done now and then, for ever, such as sweeping; return if there is nothing."""

    async def close(self) -> None:
        """Let go of what it holds."""
