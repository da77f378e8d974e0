"""Threads for hooks that block.

Each filter has threads of its own: one that hangs takes none from the others. All bookkeeping is done on the
event loop, so that nothing here needs a lock.
"""

import asyncio
import contextlib
import sys
import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar, cast

from relayguard.pipeline.failures import where

T = TypeVar("T")

THREADS = 16
"""So many calls of one filter run at one time; more wait, each until its own deadline."""

GivenUp = Callable[[], bool]
"""Tells a call whether anybody still waits for it."""


class Threads:
    """The threads of one filter. One begins when it is needed first, and then stays."""

    def __init__(self, name: str, size: int = THREADS) -> None:
        # What was freed last is taken first: no more threads begin than are needed at one time.
        self._free: asyncio.LifoQueue[_Thread] = asyncio.LifoQueue()
        for number in range(size, 0, -1):
            self._free.put_nowait(_Thread(f"{name}-{number}"))

    async def run(self, function: Callable[[GivenUp], T]) -> T:
        """Call `function` in a thread; return what it returns, or raise what it raises.

        If the caller is cancelled, a call that waits for a thread is dropped, and one that runs is left to finish:
        what it returns is thrown away. A note on the cancellation tells which of the two, and where the thread was.
        """
        try:
            thread = await self._free.get()
        except asyncio.CancelledError as cancelled:
            cancelled.add_note("all its threads were busy")
            raise
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()

        def work() -> None:
            value, error = None, None
            try:
                value = function(answer.cancelled)
            # Whatever a filter raises is raised again where it is waited for.
            except BaseException as raised:
                error = raised
            # A loop that has ended waits for nothing.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(finished, value, error)

        def finished(value: T | None, error: BaseException | None) -> None:
            self._free.put_nowait(thread)
            if not answer.done():
                answer.set_result((value, error))

        try:
            thread.give(work)
        except RuntimeError:
            # The system has no thread to spare.
            self._free.put_nowait(thread)
            raise
        try:
            value, error = await answer
        except asyncio.CancelledError as cancelled:
            if answer.cancelled() and (place := thread.place()):
                cancelled.add_note(f"its thread was at {place}")
            raise
        if error is not None:
            raise error
        return cast(T, value)


class _Thread:
    """One thread, which begins with its first work and ends when nobody holds this any more."""

    __slots__ = ("_thread", "_work")

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # The interpreter does not wait for a daemon thread: what hangs must not keep Relayguard from ending.
        self._thread = threading.Thread(target=_serve, args=(self._work,), name=name, daemon=True)

    def give(self, work: Callable[[], None]) -> None:
        if self._thread.ident is None:
            self._thread.start()
        self._work.put(work)

    def place(self) -> str:
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001  # the only way to look at a thread
        return where(traceback.extract_stack(frame)) if frame is not None else ""

    def __del__(self) -> None:
        self._work.put(None)


def _serve(queue: SimpleQueue[Callable[[], None] | None]) -> None:
    while (work := queue.get()) is not None:
        work()
        # While it waits, a thread must not keep a message alive.
        del work
