"""Counters in the memory of this process: for one worker, for tests, and where the shared store is away."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice

from relayguard.core.limits import Charge, Standing
from relayguard.stores.arithmetic import State, expires, is_over, settle, used
from relayguard.stores.backend import Entry

MAX_KEYS = 100_000

_SWEPT = 50
"""So many of the oldest counters are looked at when one is added to a full store."""

Key = tuple[str, str]


class MemoryBackend:
    """A `Backend`. When it is full, the counter that ends first of a few that were changed long ago makes room."""

    name = "memory"

    def __init__(self, max_keys: int = MAX_KEYS, now: Callable[[], float] = time.time) -> None:
        self._states: dict[Key, State] = {}
        self._max_keys = max_keys
        self._now = now

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Backend`."""
        standings, states = self._settle(charges)
        for charge, state in zip(charges, states, strict=True):
            if state is not None:
                self._put((charge.limit.name, charge.key), state)
        return standings

    async def look(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Backend`."""
        return self._settle(charges)[0]

    def _settle(self, charges: Sequence[Charge]) -> tuple[Sequence[Standing], Sequence[State | None]]:
        states = [self._states.get((charge.limit.name, charge.key)) for charge in charges]
        return settle(charges, states, self._now())

    def _put(self, key: Key, state: State) -> None:
        # What was changed last stands last.
        self._states.pop(key, None)
        if len(self._states) >= self._max_keys:
            oldest = list(islice(self._states.items(), _SWEPT))
            now = self._now()
            over = [each for each, kept in oldest if is_over(kept, now)]
            for each in over or [min(oldest, key=lambda item: expires(item[1]))[0]]:
                del self._states[each]
        self._states[key] = state

    async def entries(self) -> AsyncIterator[Entry]:
        """See `Backend`."""
        now = self._now()
        for (limit, key), state in list(self._states.items()):
            if not is_over(state, now):
                yield Entry(limit, key, used(state, now), expires(state))

    async def forget(self, limit: str, key: str) -> bool:
        """See `Backend`."""
        return self._states.pop((limit, key), None) is not None

    async def keep(self) -> None:
        """See `Backend`: what is over is forgotten when there must be room."""

    async def close(self) -> None:
        """See `Backend`."""
