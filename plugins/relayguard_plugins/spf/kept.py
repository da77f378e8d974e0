"""Results that hold for a while: so many, and each for its time."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Keeps no more than `limit` values, those that were wanted last; what has expired is not given out."""

    def __init__(self, limit: int, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._entries: dict[K, tuple[V, float]] = {}

    def get(self, key: K) -> V | None:
        """Return the value if it is still good."""
        entry = self._entries.pop(key, None)
        if entry is None or entry[1] <= self._monotonic():
            return None
        # Back at the end: what is in use is the last to be forgotten.
        self._entries[key] = entry
        return entry[0]

    def put(self, key: K, value: V, expires: float) -> None:
        """Keep `value` until `expires`, in place of the one that nobody has wanted for longest."""
        if expires <= self._monotonic():
            return
        self._entries.pop(key, None)
        self._entries[key] = value, expires
        if len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def __len__(self) -> int:
        return len(self._entries)
