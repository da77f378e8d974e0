"""The circuit breaker of one hook: a filter that keeps failing is not called for a while, then tried again."""

import time
from collections.abc import Callable

FAILURES = 5
"""So many failures in a row open the breaker. One bad message is no sign of a broken filter."""

PAUSE_SECONDS = 30.0
"""So long an open breaker waits before it lets one call through to see whether the filter has recovered."""


class Breaker:
    """Counts the failures of one hook of one filter.

    While it is open the filter's failure policy holds for every message, as if the filter had been called
    and had failed.
    """

    __slots__ = ("_failures", "_limit", "_monotonic", "_next_try", "_pause")

    def __init__(
        self,
        failures: int = FAILURES,
        pause: float = PAUSE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._monotonic = monotonic
        self._failures = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self._failures >= self._limit

    def allows(self) -> bool:
        """Tell whether the filter may be called now; while open, true once in each pause."""
        if self._failures < self._limit:
            return True
        now = self._monotonic()
        if now < self._next_try:
            return False
        # Nobody else may try before this call has had its time.
        self._next_try = now + self._pause
        return True

    def succeeded(self) -> bool:
        """Note that a call succeeded; return whether that closed the breaker."""
        if not self._failures:
            return False
        was_open = self.is_open
        self._failures = 0
        return was_open

    def failed(self) -> bool:
        """Note that a call failed; return whether that opened the breaker."""
        was_open = self.is_open
        self._failures += 1
        self._next_try = self._monotonic() + self._pause
        return self.is_open and not was_open
