"""How far limits are used, as far as this process has seen."""

NEARLY = 0.8
"""A key of which so much is used will soon be refused something."""

MAX_NEARLY = 10_000
"""More keys are not told apart."""


class Usage:
    """The fullest key of each limit, and how many keys are nearly used up, since it was last taken."""

    def __init__(self) -> None:
        self._fullest: dict[str, float] = {}
        self._nearly: dict[str, set[str]] = {}

    def note(self, limit: str, key: str, used: float) -> None:
        """Take note of one key."""
        if used > self._fullest.get(limit, 0.0):
            self._fullest[limit] = used
        if used >= NEARLY:
            nearly = self._nearly.setdefault(limit, set())
            if len(nearly) < MAX_NEARLY:
                nearly.add(key)

    def take(self, limit: str) -> tuple[float, int]:
        """Return both figures of a limit, and begin anew."""
        return self._fullest.pop(limit, 0.0), len(self._nearly.pop(limit, ()))
