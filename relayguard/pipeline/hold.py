"""Watches how long a filter's code keeps the event loop, and with it all other mail."""

import time
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar, cast

from relayguard.core.stages import Stage
from relayguard.pipeline.record import Observer

T = TypeVar("T")

HOLD_SECONDS = 0.1
"""Who keeps the loop longer is told of: a hundred messages wait for it, and none of the MTAs gets an answer."""


class Watchdog:
    """Tells the observer who held the event loop for more than `seconds`."""

    __slots__ = ("_observer", "_seconds", "timer")

    def __init__(
        self, observer: Observer, timer: Callable[[], float] = time.perf_counter, seconds: float = HOLD_SECONDS
    ) -> None:
        self.timer = timer
        self._observer = observer
        self._seconds = seconds

    def look(self, filter_name: str, stage: Stage, started: float, *, movable: bool = False) -> bool:
        """Tell whether what began at `started` has held the loop too long; `movable` hooks leave it for that."""
        held = self.timer() - started
        if held <= self._seconds:
            return False
        self._observer.loop_held(filter_name, stage, held, moved=movable)
        return True

    @types.coroutine
    def drive(
        self, filter_name: str, stage: Stage, coroutine: Coroutine[Any, Any, T], awaited: object
    ) -> Generator[Any, Any, T]:
        """Await `coroutine`, which waits for `awaited`, and look after each of its steps from one suspension to the next.

        What it starts in tasks of its own is not seen.
        """
        while True:
            try:
                step: Callable[[], Any] = partial(coroutine.send, (yield awaited))
            except GeneratorExit:
                coroutine.close()
                raise
            # A cancellation, mostly: it belongs to the coroutine, whatever it is.
            except BaseException as error:
                step = partial(coroutine.throw, error)
            started = self.timer()
            try:
                awaited = step()
            except StopIteration as done:
                return cast(T, done.value)
            finally:
                self.look(filter_name, stage, started)
