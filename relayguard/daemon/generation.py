"""A generation: all the workers that run one snapshot. It begins whole or not at all, and leaves in order."""

import asyncio
import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from relayguard.config import Crew
from relayguard.core.processes import Cause, State
from relayguard.daemon.assignment import joined
from relayguard.daemon.channel import Word
from relayguard.daemon.listeners import Listeners
from relayguard.daemon.process import Starter, Worker
from relayguard.daemon.restarts import LONGEST_DELAY, Restarts
from relayguard.daemon.slots import Slots
from relayguard.log import Logger
from relayguard.metrics.processes import ProcessMetrics
from relayguard.snapshot import Snapshot

START_SECONDS = 60.0
"""A worker that is not ready by then will not be."""

_LOOK_SECONDS = 0.5
_RETRY_SECONDS = 5.0
_MARGIN = 5.0
_MB = 1024 * 1024

Spawn = Callable[[Coroutine[object, object, None]], "asyncio.Task[None]"]


class GenerationError(Exception):
    """A generation cannot begin; the message says which worker failed, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places of a generation, each held by one worker; there are so many `workers` in all."""

    number: int
    crew: Crew
    workers: int
    cpu: int | None

    @property
    def listener(self) -> str:
        """The name of the listener, or those of several, for metrics and logs."""
        return joined(self.crew.listeners)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all generations share: the sockets, the slots, and whom to tell."""

    listeners: Listeners
    starter: Starter
    slots: Slots
    metrics: ProcessMetrics
    spawn: Spawn


class Generation:
    """Begins, keeps its places filled, and leaves."""

    def __init__(self, number: int, snapshot: Snapshot, house: House, logger: Logger) -> None:
        self.number = number
        self.snapshot = snapshot
        self.workers: set[Worker] = set()
        self._house = house
        self._logger = logger
        self._leaving = False
        self._one_at_a_time = asyncio.Lock()
        self._empty = asyncio.Event()
        self._file = snapshot.to_file()

    async def begin(self) -> None:
        """Start every worker and let them serve once all are ready; raises GenerationError, and then none is left."""
        try:
            first = [(place, self._hire(place)) for place in self._places()]
            async with asyncio.timeout(START_SECONDS):
                await asyncio.gather(*(_until_ready(worker) for _, worker in first))
        except TimeoutError as error:
            await self.leave(Word.STOP, 0)
            raise GenerationError(f"a worker was not ready after {START_SECONDS:.0f} s") from error
        except BaseException:
            await self.leave(Word.STOP, 0)
            raise
        for _, worker in first:
            worker.serve()
        for place, worker in first:
            self._house.spawn(self._keep(place, worker))
        self._house.spawn(self._watch())

    async def leave(self, word: Word, seconds: float) -> None:
        """Tell all workers to drain or to stop, and wait until they have ended."""
        self.tell_to_leave(word, seconds)
        await self.gone(seconds)

    async def gone(self, seconds: float) -> None:
        """Wait until all workers have ended, which were told to leave within so many seconds."""
        if self.workers:
            try:
                async with asyncio.timeout(seconds + _MARGIN):
                    await self._empty.wait()
            except TimeoutError:
                self._logger.error("workers did not end in time and are killed", workers=len(self.workers))
                for worker in self.workers:
                    worker.kill(signal.SIGKILL)
                await self._empty.wait()
        os.close(self._file)

    def tell_to_leave(self, word: Word, seconds: float) -> None:
        """Tell all workers to drain or to stop; none is replaced any more."""
        self._leaving = True
        for worker in self.workers:
            worker.leave(word, seconds)

    async def detached(self) -> None:
        """Wait until no worker of it accepts clients any more."""
        await asyncio.gather(*(worker.detached.wait() for worker in self.workers))

    @property
    def listeners(self) -> list[str]:
        """The listeners of its places, as workers name them."""
        return [place.listener for place in self._places()]

    @property
    def serving(self) -> list[AbstractSet[str]]:
        """The listeners on which a worker accepts clients, of each worker."""
        return [each.assignment.sockets.keys() for each in tuple(self.workers) if each.state is State.SERVING]

    @property
    def sessions(self) -> int:
        """How many sessions its workers hold."""
        return sum(worker.beat.sessions for worker in tuple(self.workers))

    @property
    def fresh(self) -> bool:
        """Whether every worker was heard of lately."""
        limit = self.snapshot.config.daemon.heartbeat
        return all(worker.silent < limit for worker in self.workers if worker.state is not State.STARTING)

    def _places(self) -> Iterator[Place]:
        config = self.snapshot.config
        cores = sorted(os.sched_getaffinity(0))
        core = itertools.cycle(cores if config.daemon.pin else [None])
        number = itertools.count()
        crews = config.crews(len(cores))
        workers = sum(crew.workers for crew in crews)
        for crew in crews:
            for _ in range(crew.workers):
                # Only libmilter's threads gain by it.
                yield Place(next(number), crew, workers, next(core) if crew.transport == "libmilter" else None)

    def _hire(self, place: Place) -> Worker:
        crew, config = place.crew, self.snapshot.config
        sockets = {name: self._house.listeners[config.listener[name].address] for name in crew.listeners}
        slot = self._house.slots.take()
        try:
            worker = self._house.starter.start(
                sockets, crew.transport, self.number, self._file, slot, place.cpu, place.workers, self._gone
            )
        except OSError as error:
            self._house.slots.release(slot)
            raise GenerationError(f"no process can be started: {error.strerror}") from error
        self.workers.add(worker)
        return worker

    def _gone(self, worker: Worker) -> None:
        self.workers.discard(worker)
        if worker.state is State.DRAINING and worker.status:
            self._report(worker)
        self._house.metrics.worker_ended(worker.assignment.slot, worker.beat.cpu)
        self._house.slots.release(worker.assignment.slot)
        if self._leaving and not self.workers:
            self._empty.set()

    async def _keep(self, place: Place, worker: Worker) -> None:
        """Keep one place filled."""
        restarts = Restarts()
        predecessor: Worker | None = None
        while True:
            await self._needs_successor(worker)
            if predecessor is not None and worker.cause is Cause.MEMORY:
                # Sessions may hold a worker for minutes: the host has room for two in one place, not for ten.
                await asyncio.wait([predecessor.ended, worker.ended], return_when=asyncio.FIRST_COMPLETED)
            if self._leaving:
                return
            self._house.metrics.worker_replaced(place.listener, worker.cause)
            delay = restarts.delay(worker.lived)
            self._report(worker, delay)
            if restarts.at_limit:
                self._logger.error(
                    "a worker keeps dying or growing", listener=place.listener, tried_every_seconds=LONGEST_DELAY
                )
            await asyncio.sleep(delay)
            successor = await self._succeed(place, worker)
            if successor is None:
                return
            if successor is not worker and not worker.ended.done():
                predecessor = worker
            worker = successor

    async def _needs_successor(self, worker: Worker) -> None:
        limit = self.snapshot.config.daemon.worker_memory * _MB
        while not worker.ended.done() and not self._leaving:
            await asyncio.wait([worker.ended], timeout=_LOOK_SECONDS)
            if worker.beat.memory > limit and not worker.ended.done():
                worker.retire()
                return

    async def _succeed(self, place: Place, worker: Worker) -> Worker | None:
        """Put a successor in the place of a worker and return it; None if the whole generation leaves.

        One that lives is let go only when its successor serves; else it stays where it is.
        """
        # Those that have grown can wait for one another, so that the host need not hold them all twice.
        turn = contextlib.nullcontext() if worker.ended.done() else self._one_at_a_time
        async with turn:
            successor = await self._hire_at_last(place)
            if successor is None:
                return None
            await asyncio.wait([successor.ready, successor.ended], return_when=asyncio.FIRST_COMPLETED)
        if self._leaving:
            return None
        if not successor.ready.done():
            if worker.ended.done():
                return successor
            self._report(successor)
            return worker
        successor.serve()
        self._logger.info(
            "worker replaced", listener=place.listener, slot=successor.assignment.slot, pid=successor.pid
        )
        if not worker.ended.done():
            worker.leave(Word.DRAIN, self.snapshot.config.daemon.drain)
        elif worker.cause is Cause.MEMORY:
            # It was well when its successor was sent for.
            self._report(worker)
        return successor

    async def _hire_at_last(self, place: Place) -> Worker | None:
        """Start a worker, however long the system lets us wait for a process; None if all leave meanwhile."""
        while not self._leaving:
            try:
                return self._hire(place)
            except GenerationError as error:
                self._logger.error("a worker cannot be replaced yet", listener=place.listener, problem=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
        return None

    async def _watch(self) -> None:
        """End workers that hang."""
        heartbeat = self.snapshot.config.daemon.heartbeat
        while self.workers or not self._leaving:
            before = time.monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
            late = time.monotonic() - before - _LOOK_SECONDS
            for worker in tuple(self.workers):
                # Had we stood still ourselves, a frozen machine say, nobody could have been heard.
                worker.heard_at += late
                if worker.silent > (START_SECONDS if worker.state is State.STARTING else heartbeat):
                    worker.abort(Cause.HEARTBEAT)

    def _report(self, worker: Worker, delay: float | None = None) -> None:
        alive = not worker.ended.done()
        (self._logger.info if alive else self._logger.error)(
            "worker has grown and is replaced" if alive else "worker died",
            listener=worker.assignment.listener,
            slot=worker.assignment.slot,
            pid=worker.pid,
            cause=worker.cause.value,
            status=worker.status,
            problem=worker.problem,
            where=worker.where,
            sessions=worker.beat.sessions,
            memory=worker.beat.memory,
            restart_in_seconds=delay,
        )


async def _until_ready(worker: Worker) -> None:
    await asyncio.wait([worker.ready, worker.ended], return_when=asyncio.FIRST_COMPLETED)
    if worker.ended.done():
        why = worker.problem or f"exit status {worker.status}"
        raise GenerationError(f"a worker of listener {worker.assignment.listener} does not start: {why}")
