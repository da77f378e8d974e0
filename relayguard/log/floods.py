"""What happens with every message must not drown what happens once: of each kind of trouble some lines are written."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from structlog import DropEvent
from structlog.typing import EventDict, FilteringBoundLogger

LINES = 20
"""So many lines of a kind are written ..."""
SECONDS = 10.0
"""... in so many seconds."""

# Decisions, starts, stops and reloads are told at the levels below. They are never left out.
_TROUBLE = ("warning", "error")


class Kind(NamedTuple):
    """What is counted together: a filter that fails always must not hide that another has begun to."""

    event: str
    filter: str | None


@dataclass(slots=True)
class _Window:
    ends: float
    lines: int = 0


class Floods:
    """Counts the lines of each kind, and says which to leave out.

    A window begins with the first line of a kind, and lasts `seconds`. May be used from several threads.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, lines: int = LINES, seconds: float = SECONDS
    ) -> None:
        self._monotonic = monotonic
        self._lines = lines
        self._seconds = seconds
        self._windows: dict[Kind, _Window] = {}
        self._lock = Lock()
        self.untold = False

    def admits(self, kind: Kind) -> bool:
        """Count a line; return whether it is to be written. `ended` is to be asked before."""
        with self._lock:
            window = self._windows.setdefault(kind, _Window(self._monotonic() + self._seconds))
            window.lines += 1
            self.untold |= window.lines > self._lines
            return window.lines <= self._lines

    def ended(self) -> list[tuple[Kind, int]]:
        """Forget the windows that have ended; return how many lines were left out in each in which some were.

        While not `untold` there are none.
        """
        now = self._monotonic()
        with self._lock:
            left_out = {kind: window.lines - self._lines for kind, window in self._windows.items()}
            over = [kind for kind, window in self._windows.items() if now >= window.ends]
            for kind in over:
                del self._windows[kind]
            self.untold = any(left_out[kind] > 0 for kind in self._windows)
            return [(kind, left_out[kind]) for kind in over if left_out[kind] > 0]


class Limit:
    """A processor of structlog that leaves out what `floods` says.

    How many lines of a kind were left out is told by `logger`, before the first line of any kind after that.
    """

    def __init__(self, floods: Floods, logger: FilteringBoundLogger) -> None:
        self._floods = floods
        self._logger = logger

    def __call__(self, _logger: object, level: str, event: EventDict) -> EventDict:
        """Return the event, or leave it out."""
        trouble = level in _TROUBLE
        if trouble or self._floods.untold:
            for kind, count in self._floods.ended():
                self._logger.warning("lines left out", of=kind.event, filter=kind.filter, count=count)
        if trouble and not self._floods.admits(Kind(event["event"], event.get("filter"))):
            raise DropEvent
        return event
