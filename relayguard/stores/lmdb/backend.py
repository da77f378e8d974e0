"""Counters in a file that all workers of a host share. No server; a worker that dies takes nothing with it."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import lmdb

from relayguard.core.limits import Charge, Standing
from relayguard.stores.arithmetic import expires, is_over, settle, used
from relayguard.stores.backend import Entry, StoreError, Trouble
from relayguard.stores.lmdb.check import is_whole
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.records import counter_key, decode, encode, names
from relayguard.stores.lmdb.shared_file import SharedFile
from relayguard.stores.lmdb.sweep import Sweep
from relayguard.stores.lmdb.walk import slice_of

MAX_KEYS = 1_000_000
TIMEOUT = 0.05

SWEEP_LOCK = "sweep.lock"


def _nobody(moved: str) -> None:
    """Hear nothing."""


class LmdbBackend:
    """A `Backend`. When it is full it takes no new keys, and those that it has go on being counted.

    `moved_aside` is told where a broken file was kept. A process must have one of these for a folder, and no more.
    """

    name = "lmdb"

    def __init__(
        self,
        folder: Path,
        max_keys: int = MAX_KEYS,
        timeout: float = TIMEOUT,
        now: Callable[[], float] = time.time,
        moved_aside: Callable[[str], None] = _nobody,
    ) -> None:
        self._shared = SharedFile(folder, max_keys, timeout, moved_aside)
        self._sweep = Sweep(self._shared, LockFile(folder / SWEEP_LOCK), now)
        self._now = now

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Backend`."""
        return await self._shared.write(partial(self._take, charges))

    async def look(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Backend`. Opens the file for reading alone, unless it is open, and makes none."""
        async with self._shared.existing(writable=False) as there:
            if there:
                return await self._shared.read(partial(self._look, charges))
        return settle(charges, [None] * len(charges), self._now())[0]

    def _look(self, charges: Sequence[Charge], transaction: lmdb.Transaction) -> Sequence[Standing]:
        values = [transaction.get(counter_key(charge.limit.name, charge.key)) for charge in charges]
        return settle(charges, [decode(value) if value else None for value in values], self._now())[0]

    def _take(self, charges: Sequence[Charge], transaction: lmdb.Transaction) -> Sequence[Standing]:
        counters = [counter_key(charge.limit.name, charge.key) for charge in charges]
        values = [transaction.get(counter) for counter in counters]
        before = [decode(value) if value else None for value in values]
        # By now nobody else changes anything, so that no other process has a later time.
        standings, states = settle(charges, before, self._now())
        changes: list[tuple[bytes, bytes]] = []
        new: list[int] = []
        longer: list[int] = []
        for number, (counter, value, state) in enumerate(zip(counters, values, states, strict=True)):
            if state is not None:
                changed = encode(state)
                changes.append((counter, changed))
                if value is None:
                    new.append(number)
                elif len(changed) > len(value):
                    longer.append(number)
        if new or longer:
            self._check_room(transaction, new, longer)
        for counter, changed in changes:
            transaction.put(counter, changed)
        return standings

    def _check_room(self, transaction: lmdb.Transaction, new: Sequence[int], longer: Sequence[int]) -> None:
        try:
            self._shared.check_room(transaction, len(new))
        except StoreError as error:
            # Those that are longer may have room without the new ones.
            error.refused = tuple(new or longer)
            raise

    async def entries(self) -> AsyncIterator[Entry]:
        """See `Backend`. Opens the file for reading alone, unless it is open, and makes none.

        Unless it is open, another process goes through it first, lest a broken file ends this one.
        """
        if not self._shared.is_open and self._shared.inode() and not await is_whole(self._shared.folder):
            raise StoreError(Trouble.BROKEN, f"{self._shared.folder} cannot be read")
        async with self._shared.existing(writable=False) as there:
            seen = await self._slice(b"") if there else []
            while seen:
                now = self._now()
                for counter, value in seen:
                    state = decode(value)
                    if state is not None and not is_over(state, now):
                        yield Entry(*names(counter), used(state, now), expires(state))
                seen = await self._slice(seen[-1][0])

    async def _slice(self, after: bytes) -> list[tuple[bytes, bytes]]:
        return await self._shared.read(partial(slice_of, after=after), buffers=True)

    async def forget(self, limit: str, key: str) -> bool:
        """See `Backend`."""
        async with self._shared.existing(writable=True) as there:
            return there and await self._shared.write(lambda transaction: transaction.delete(counter_key(limit, key)))

    async def keep(self) -> None:
        """See `Backend`. Clears away what says nothing any more, for ever; of several processes that do, one works and the others wait."""
        await self._sweep.run()

    async def close(self) -> None:
        """See `Backend`."""
        self._shared.close()
