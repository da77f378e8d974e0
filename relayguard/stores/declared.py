"""The limits that filters have said they count by."""

from collections.abc import Mapping, Sequence

from relayguard.core.limits import Charge, Limit, Standing


class Declarations:
    """What was declared, by the limit's name; each filter is built once a listener, and says the same each time."""

    def __init__(self) -> None:
        self.declared: dict[str, tuple[Limit, Mapping[str, str]]] = {}

    def declare(self, limit: Limit, about: Mapping[str, str]) -> None:
        """See `relayguard.services.Store`."""
        if self.declared.setdefault(limit.name, (limit, about)) != (limit, about):
            raise ValueError(f"there are two limits called {limit.name!r}")


class NoStore(Declarations):
    """A `Store` that admits everything and counts nothing: where no mail is served."""

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Store`."""
        return [Standing(admitted=True, used=0.0, left=charge.limit.capacity) for charge in charges]
