"""One process at a time: a file that is locked without ever standing still for it."""

import asyncio
import fcntl
import os
import time
from itertools import chain, repeat
from pathlib import Path

from relayguard.stores.backend import StoreError, Trouble

_PAUSES = (0.0, 0.0, 0.0, 0.0005, 0.001, 0.002)
"""A transaction takes a few hundredths of a millisecond: in most cases it is over when the other tasks have had a turn."""

_LONGEST_PAUSE = 0.004

_LEAST_TRIES = 5
"""Where this process has no turn for long, its time may be over while nobody has the lock for more than a moment."""


class LockFile:
    """A lock between processes; the tasks of one process must not await anything while they have it.

    The kernel takes it from a process that dies. One that was stopped keeps it: the others wait until their deadline.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self.makes = True
        """Whether the file is made if there is none. Who runs a command may be another user than who needs it later."""

    def try_to_acquire(self) -> bool:
        """Take the lock if no other process has it. Raises OSError if there can be no such file."""
        if self._descriptor < 0:
            self._open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def acquire(self, timeout: float) -> None:  # noqa: ASYNC109 - it must be had without a pause where it is free
        """Take the lock. Raises StoreError if another process has it for longer than `timeout`, as far as several looks can tell."""
        if self.try_to_acquire():
            return
        deadline = time.monotonic() + timeout
        for tries, pause in enumerate(chain(_PAUSES, repeat(_LONGEST_PAUSE))):
            if tries >= _LEAST_TRIES and time.monotonic() >= deadline:
                raise StoreError(Trouble.TIMEOUT, f"another process has {self._path} for longer than {timeout:g} s")
            await asyncio.sleep(pause)
            if self.try_to_acquire():
                return

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def is_current(self) -> bool:
        """Tell whether the open file is the one that others find: somebody may have emptied the folder."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False

    def close(self) -> None:
        """Close the file; this releases the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        if self.makes:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | (os.O_CREAT if self.makes else 0), 0o600)
