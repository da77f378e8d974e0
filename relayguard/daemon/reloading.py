"""One generation follows another: checked first, begun whole, and never more than two alive."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from relayguard.core.processes import Reload, ReloadEnd
from relayguard.daemon.channel import Word
from relayguard.daemon.checking import CheckError
from relayguard.daemon.control import Answer
from relayguard.daemon.doors import Doors
from relayguard.daemon.generation import Generation, GenerationError, House
from relayguard.daemon.listeners import ListenError
from relayguard.log import Logger, make_logger
from relayguard.snapshot import Snapshot

_DETACH_SECONDS = 5.0


class Generations:
    """The generation that serves, and the one before it while that drains.

    `check` returns what is to serve next, or raises CheckError. `doors` are opened for it first.
    """

    def __init__(
        self,
        first: Snapshot,
        house: House,
        doors: Doors,
        check: Callable[[], Awaitable[Snapshot]],
    ) -> None:
        self._house = house
        self._doors = doors
        self._check = check
        self._number = 1
        self._next: tuple[Snapshot, asyncio.Future[Answer]] | None = None
        self._next_is_there = asyncio.Event()
        self._one_check = asyncio.Lock()
        self._waiting_check: asyncio.Task[Answer] | None = None
        self._previous_ended = asyncio.Event()
        self.logger = _logger_of(first)
        self.current = Generation(1, first, house, self.logger)
        self.previous: Generation | None = None
        self.last_reload: ReloadEnd | None = None
        self.serves_since: float | None = None

    @property
    def living(self) -> list[Generation]:
        """The generations that have workers: two at most."""
        return [each for each in (self.current, self.previous) if each is not None]

    async def begin(self) -> None:
        """Begin the first generation; raises GenerationError."""
        await self.current.begin()
        self._serves()

    async def reload(self) -> Answer:
        """Check the configuration and let it serve; the answer tells what came of it.

        Whoever asks while a check is still to begin shares it. While an earlier generation drains, the newest
        configuration waits for its turn.
        """
        if self._waiting_check is None:
            self._waiting_check = asyncio.create_task(self._reload())
        return await asyncio.shield(self._waiting_check)

    async def turn_over(self) -> None:
        """For ever: let the next configuration serve, once no earlier generation drains any more."""
        while True:
            await self._next_is_there.wait()
            if self.previous is not None:
                self._answer_next(self._queued(self.previous))
                await self._previous_ended.wait()
            self._next_is_there.clear()
            assert self._next is not None
            (snapshot, outcome), self._next = self._next, None
            answer = await self._succeed(snapshot)
            if not outcome.done():
                outcome.set_result(answer)

    async def stop(self, seconds: float) -> None:
        """Let the envelopes in progress end, refuse new clients, and wait until all workers have ended."""
        for generation in self.living:
            generation.tell_to_leave(Word.STOP, seconds)
        await _detached_at_last(*self.living)
        self._doors.close_listeners()
        await self.current.gone(seconds)
        if self.previous is not None:
            await self._previous_ended.wait()

    async def _reload(self) -> Answer:
        async with self._one_check:
            self._waiting_check = None
            try:
                snapshot = await self._check()
            except CheckError as error:
                return self._not_served(Reload.REFUSED, *error.problems)
        self._answer_next(Answer(ok=True, lines=("checked; a newer configuration has taken its place",)))
        outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._next = snapshot, outcome
        self._next_is_there.set()
        if self.previous is not None:
            self._answer_next(self._queued(self.previous))
        return await outcome

    def _answer_next(self, answer: Answer) -> None:
        if self._next is not None and not self._next[1].done():
            self._next[1].set_result(answer)

    @staticmethod
    def _queued(previous: Generation) -> Answer:
        seconds = previous.snapshot.config.daemon.drain
        return Answer(
            ok=True,
            lines=(
                "checked; it will serve when the generation before the present one has ended",
                f"(which has {previous.sessions} sessions, and {seconds:.0f} s at most)",
            ),
        )

    async def _succeed(self, snapshot: Snapshot) -> Answer:
        try:
            await self._doors.open(snapshot.config)
            successor = Generation(self._number + 1, snapshot, self._house, _logger_of(snapshot))
            await successor.begin()
        # Whatever it is that a new configuration meets: the old one serves on.
        except Exception as error:
            await self._doors.keep(self.current.snapshot.config)
            expected = isinstance(error, ListenError | GenerationError)
            return self._not_served(Reload.FAILED, str(error) if expected else repr(error))
        self._number += 1
        self.logger = _logger_of(snapshot)
        self.previous, self.current = self.current, successor
        self._previous_ended.clear()
        self._house.spawn(self._see_off(self.previous))
        # Whoever waits for a reload may rely on it: no new client meets the old configuration from then on.
        await _detached_at_last(self.previous)
        self._serves()
        self._ended(Reload.SERVED)
        self.logger.info("reloaded", generation=self._number, workers=len(successor.workers))
        return Answer(ok=True, lines=(f"generation {self._number} serves",))

    async def _see_off(self, previous: Generation) -> None:
        seconds = previous.snapshot.config.daemon.drain
        previous.tell_to_leave(Word.DRAIN, seconds)
        try:
            await previous.detached()
            await self._doors.keep(self.current.snapshot.config)
            await previous.gone(seconds)
        finally:
            self.previous = None
            self._previous_ended.set()
        self.logger.info("generation ended", generation=previous.number)

    def _serves(self) -> None:
        self.serves_since = time.time()
        self._house.metrics.serves(self._number, self.current.listeners)

    def _ended(self, outcome: Reload, *problems: str) -> None:
        self.last_reload = ReloadEnd(outcome, time.time(), problems)
        self._house.metrics.reloaded(outcome)

    def _not_served(self, outcome: Reload, *problems: str) -> Answer:
        self._ended(outcome, *problems)
        self.logger.error("reload failed, the old configuration serves on", outcome=outcome.value, problems=problems)
        return Answer(ok=False, lines=(*problems, "the old configuration serves on"))


async def _detached_at_last(*generations: Generation) -> None:
    """Wait until none accepts clients any more; one that hangs is not worth waiting for: it is ended in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DETACH_SECONDS):
            await asyncio.gather(*(generation.detached() for generation in generations))


def _logger_of(snapshot: Snapshot) -> Logger:
    return make_logger(snapshot.config.log.format, snapshot.config.log.level)
