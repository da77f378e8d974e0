"""The store that filters get: the best of several places to count in that answers just now."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Protocol

from relayguard.core.limits import Charge, Limit, Standing
from relayguard.core.text import printable
from relayguard.log import Logger
from relayguard.pipeline.breaker import Breaker
from relayguard.stores.backend import Backend, StoreError, Trouble
from relayguard.stores.declared import Declarations
from relayguard.stores.usage import Usage

BREAKER_FAILURES = 3
BREAKER_PAUSE_SECONDS = 1.0
"""A store that does not answer costs one command in a second its deadline, not each."""

REPORT_PAUSE_SECONDS = 60.0
"""A store that is full is told of once in so long; the metrics count every time."""

PUBLISH_SECONDS = 60.0


class StoreObserver(Protocol):
    """Who counts what is counted."""

    def store_answered(self, store: str, trouble: Trouble | None, seconds: float) -> None:
        """A store has been asked; `trouble` tells why it did not answer."""

    def store_fell_back(self, store: str, *, active: bool) -> None:
        """A store is not asked for the time being, or is again."""

    def store_moved_aside(self) -> None:
        """A broken file of counters was moved aside."""

    def limit_judged(self, limit: str, *, admitted: bool) -> None:
        """A charge was counted, or was over its limit."""

    def limit_used(self, limit: str, fullest: float, nearly: int) -> None:
        """Of all keys seen lately, the fullest was used so far, and so many were nearly used up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to count. `parties` is how many count there apart from one another, and so have a share each."""

    backend: Backend
    parties: int = 1


class _Asked:
    """A place, and whether it can be asked."""

    __slots__ = ("backend", "breaker", "failed_at", "parties", "silent_until")

    def __init__(self, place: Place, monotonic: Callable[[], float]) -> None:
        self.backend = place.backend
        self.parties = place.parties
        self.breaker = Breaker(BREAKER_FAILURES, BREAKER_PAUSE_SECONDS, monotonic)
        self.silent_until = 0.0
        self.failed_at = -inf


class SharedStore(Declarations):
    """See `relayguard.services.Store`. Asks the first of the places, and the next one where it does not answer.

    `places` returns them; it is called if anything is to be counted.
    """

    def __init__(
        self,
        places: Callable[[], Iterable[Place]],
        observer: StoreObserver,
        logger: Logger,
        timer: Callable[[], float] = time.perf_counter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._open = places
        self._observer = observer
        self._logger = logger
        self._timer = timer
        self._monotonic = monotonic
        self._usage = Usage()

    @cached_property
    def _places(self) -> tuple[_Asked, ...]:
        # A process that counts nothing loads none of it.
        return tuple(_Asked(place, self._monotonic) for place in self._open())

    def declare(self, limit: Limit, about: Mapping[str, str]) -> None:
        """See `Store`."""
        super().declare(limit, about)
        self._observer.limit_used(limit.name, 0.0, 0)

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Store`."""
        standings = await self._take(charges)
        counted = all(
            standing.admitted or not charge.binding for charge, standing in zip(charges, standings, strict=True)
        )
        for charge, standing in zip(charges, standings, strict=True):
            if counted or not standing.admitted:
                self._observer.limit_judged(charge.limit.name, admitted=standing.admitted)
            self._usage.note(charge.limit.name, charge.key, standing.used)
        return standings

    async def _take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        # Store trouble never stops mail.
        standings = [Standing(admitted=True, used=0.0, left=charge.limit.capacity) for charge in charges]
        wanted = list(range(len(charges)))
        for place in self._places:
            if place.breaker.allows():
                wanted = await self._ask(place, charges, wanted, standings)
                if not wanted:
                    break
        return standings

    async def _ask(
        self, place: _Asked, charges: Sequence[Charge], wanted: list[int], standings: list[Standing]
    ) -> list[int]:
        """Have a place count the charges of these numbers; return those that are left for the next one.

        If that one refuses a charge, those that were counted here stay counted.
        """
        left: list[int] = []
        while wanted:
            begun, started = self._monotonic(), self._timer()
            try:
                found = await place.backend.take(_shares([charges[number] for number in wanted], place.parties))
            except StoreError as error:
                self._observer.store_answered(place.backend.name, error.trouble, self._timer() - started)
                self._failed(place, error, begun)
                refused = {wanted[number] for number in error.refused} or set(wanted)
                left += [number for number in wanted if number in refused]
                wanted = [number for number in wanted if number not in refused]
                continue
            self._observer.store_answered(place.backend.name, None, self._timer() - started)
            self._answered(place)
            for number, standing in zip(wanted, found, strict=True):
                standings[number] = standing
            is_over = any(charges[number].binding and not standings[number].admitted for number in wanted)
            return [] if is_over else left
        return left

    def _answered(self, place: _Asked) -> None:
        if place.breaker.succeeded():
            self._observer.store_fell_back(place.backend.name, active=False)
            self._logger.info("store answers again", store=place.backend.name)

    def _failed(self, place: _Asked, error: StoreError, begun: float) -> None:
        now = self._monotonic()
        opened = False
        # A full one answers at once, and goes on counting what it knows. All that wait while something stands still for
        # a moment fail for one reason, and count as one; but those that came later count, or a store that fails
        # everybody would never be given up while many ask.
        if error.trouble is not Trouble.FULL and begun >= place.failed_at:
            opened = place.breaker.failed()
            place.failed_at = now
        if opened:
            self._observer.store_fell_back(place.backend.name, active=True)
        if opened or (not place.breaker.is_open and now >= place.silent_until):
            place.silent_until = now + REPORT_PAUSE_SECONDS
            self._logger.error(
                "store does not answer, limits are counted elsewhere" if opened else "store failed once",
                store=place.backend.name,
                trouble=error.trouble.value,
                error=printable(str(error), 300),
            )

    async def keep(self) -> None:
        """Do what is to be done now and then, for ever: tell how far limits are used, and sweep."""
        async with asyncio.TaskGroup() as group:
            for place in self._places:
                group.create_task(place.backend.keep())
            while True:
                await asyncio.sleep(PUBLISH_SECONDS)
                self.publish()

    def publish(self) -> None:
        """Tell how far each limit was used since the last time."""
        for name in self.declared:
            self._observer.limit_used(name, *self._usage.take(name))


def _shares(charges: Sequence[Charge], parties: int) -> Sequence[Charge]:
    if parties == 1:
        return charges
    return [charge._replace(limit=charge.limit.divided(parties, charge.cost)) for charge in charges]
