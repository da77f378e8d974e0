"""How soon a worker that died is replaced: at once, but not as fast as it can die."""

LONG_LIFE = 10.0
"""A worker that lived so many seconds did not die of how it was built."""

FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0


class Restarts:
    """The restarts of one place. The delay doubles with each short life, up to half a minute."""

    def __init__(self) -> None:
        self._last = self._next = 0.0

    def delay(self, lived: float) -> float:
        """Return the seconds to wait before the next start, after a worker that lived so long."""
        self._last = 0.0 if lived >= LONG_LIFE else self._next
        self._next = min(2 * self._last or FIRST_DELAY, LONGEST_DELAY)
        return self._last

    @property
    def at_limit(self) -> bool:
        """Whether the delay has reached its limit: somebody should look."""
        return self._last == LONGEST_DELAY
