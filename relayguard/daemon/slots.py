"""Numbers for living workers: each owns the files of its slot, and no two living ones share a slot."""


class Slots:
    """Gives the lowest number that no living worker holds, so that metrics need as few files as ever lived at once."""

    def __init__(self) -> None:
        self._held: set[int] = set()

    def take(self) -> int:
        """Return a free slot and hold it."""
        slot = next(number for number in range(len(self._held) + 1) if number not in self._held)
        self._held.add(slot)
        return slot

    def release(self, slot: int) -> None:
        """Give a slot back, once its process has ended."""
        self._held.remove(slot)
