"""Clearing a file of counters that say nothing any more: a little at a time, and by one process for all."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import lmdb

from relayguard.stores.arithmetic import is_over, rebased
from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb import records
from relayguard.stores.lmdb.check import Suspicion, is_whole
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.shared_file import SharedFile
from relayguard.stores.lmdb.walk import slice_of

_PORTION = 100
"""So many are cleared in one transaction: nobody waits for it for long, and each key may cost a page."""

_REST = 60
"""For each second that it works, it pauses for so many: it takes less than 2 % of a CPU."""

_EVERY = 30.0
_GLANCE = 1.0
_OTHERS_TURN = 10.0


class Sweep:
    """Goes through all keys, every half minute, and at once when the store is full."""

    def __init__(self, shared: SharedFile, lock: LockFile, now: Callable[[], float]) -> None:
        self._shared = shared
        self._lock = lock
        self._now = now
        self._swept = -_EVERY
        self._suspicion = Suspicion(shared.folder)
        self._trusted = False

    async def run(self) -> None:
        """Sweep for ever, while no other process does."""
        try:
            while True:
                pause = await self._step()
                await asyncio.sleep(pause)
        finally:
            self._lock.close()

    async def _step(self) -> float:
        """Sweep once if it is our turn; return after how many seconds to look again."""
        try:
            if not self._lock.try_to_acquire():
                self._trusted = False
                return _OTHERS_TURN
            await self._check()
            if time.monotonic() >= self._swept + _EVERY or await self._shared.read(self._shared.is_full):
                self._swept = time.monotonic()
                await self._shared.forget_dead_readers()
                with self._suspicion.walking():
                    await self.once()
        except (StoreError, OSError):
            # The store is in trouble; whoever takes from it tells.
            pass
        return _GLANCE

    async def _check(self) -> None:
        """Once it is our turn, see that nothing of the file ends this process as it did another one."""
        if self._trusted:
            return
        if self._suspicion.is_there():
            inode = self._shared.inode()
            if inode and not await is_whole(self._shared.folder):
                await self._shared.discard(inode)
            self._suspicion.settle()
        self._trusted = True

    async def once(self) -> None:
        """Go through all keys."""
        after: bytes | None = b""
        while after is not None:
            begun = time.thread_time()
            after = await self._slice(after)
            await asyncio.sleep((time.thread_time() - begun) * _REST)

    async def _slice(self, after: bytes) -> bytes | None:
        look = partial(_look, after=after, now=self._now())
        try:
            last, due = await self._shared.read(look, buffers=True)
        except StoreError as error:
            if error.trouble is not Trouble.BROKEN:
                raise
            # What is broken for who writes is moved aside.
            last, due = await self._shared.write(look)
        for begin in range(0, len(due), _PORTION):
            await self._shared.write(partial(self._clear, due=due[begin : begin + _PORTION]))
        return last

    def _clear(self, transaction: lmdb.Transaction, due: Sequence[bytes]) -> None:
        now = self._now()
        for counter in due:
            # It may have changed since it was looked at.
            value = transaction.get(counter)
            state = records.decode(value) if value is not None else None
            if state is None or is_over(state, now):
                transaction.delete(counter)
            else:
                renewed = rebased(state, now)
                if renewed is not state:
                    transaction.put(counter, records.encode(renewed))


def _look(transaction: lmdb.Transaction, after: bytes, now: float) -> tuple[bytes | None, list[bytes]]:
    """Return the last key of a slice, None if there are no more, and those that are due."""
    seen = slice_of(transaction, after, records.HEAD_OCTETS)
    return seen[-1][0] if seen else None, records.due(seen, now)
