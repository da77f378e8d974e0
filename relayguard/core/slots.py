"""Private, typed places where a filter keeps its own state of a session or an envelope."""

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """A key that only its owner holds, so that no two filters can meet in one place.

    >>> count: Slot[int] = Slot("count")
    >>> slots = Slots()
    >>> slots.put(count, 3)
    >>> slots.get(count)
    3
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Slot({self.name!r})"


class Slots:
    """The slots of one session or envelope; it goes when its owner goes."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[object, Any] = {}

    def put(self, slot: Slot[T], value: T) -> None:
        """Keep `value` under `slot`."""
        self._values[slot] = value

    def get(self, slot: Slot[T]) -> T | None:
        """Return what was put under `slot`, or None."""
        # A slot is its own key, so what is found under it is what was put under it.
        value: T | None = self._values.get(slot)
        return value
