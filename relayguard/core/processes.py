"""What becomes of worker processes and of reloads, in the words that logs and metrics use."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a worker is doing."""

    STARTING = "starting"
    READY = "ready"
    SERVING = "serving"
    DRAINING = "draining"


class Cause(StrEnum):
    """Why a worker was replaced."""

    EXIT = "exit"
    """It ended by itself."""
    SIGNAL = "signal"
    """It crashed, or somebody killed it."""
    HEARTBEAT = "heartbeat"
    """Its event loop stood still for too long."""
    MEMORY = "memory"
    """It had grown past its bound, and was replaced in order."""


class Reload(StrEnum):
    """How a reload ended."""

    SERVED = "served"
    """The new configuration serves."""
    REFUSED = "refused"
    """It has errors; the old one serves on."""
    FAILED = "failed"
    """It has no errors, but could not be served; the old one serves on."""


@dataclass(frozen=True, slots=True)
class ReloadEnd:
    """How a reload ended, `when` in seconds since the epoch, and the `problems` if it failed."""

    outcome: Reload
    when: float
    problems: tuple[str, ...] = ()
