"""Work that takes its time, done by a thread of its own while somebody else shows what it found before."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

REST = 10.0
"""After it was done the work rests for so many seconds at least."""

SHARE = 20.0
"""It rests so many times as long as it took: whoever is asked has other things to do."""


class Background(Generic[T]):
    """What `work` found last, `first` until then."""

    def __init__(self, work: Callable[[], T], first: T, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = work
        self._found = first
        self._clock = clock
        self._due = clock()
        self._thread: threading.Thread | None = None

    def latest(self) -> T:
        """Return what was found last, and have the work done anew if it has rested. Never waits."""
        if (self._thread is None or not self._thread.is_alive()) and self._clock() >= self._due:
            # It holds up nobody who wants to leave.
            self._thread = threading.Thread(target=self._run, name="background", daemon=True)
            self._thread.start()
        return self._found

    def _run(self) -> None:
        began = self._clock()
        self._due = began + REST
        self._found = self._work()
        took = self._clock() - began
        self._due = began + took + max(REST, SHARE * took)
