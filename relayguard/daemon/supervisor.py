"""The process that is there first and goes last: it owns the sockets, starts workers, and heeds signals.

It imports no filter, and nothing from a message ever reaches it: what kills workers leaves it alive.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path

from relayguard import __version__
from relayguard.daemon.checking import check
from relayguard.daemon.control import Answer
from relayguard.daemon.doors import Doors
from relayguard.daemon.generation import House
from relayguard.daemon.listeners import Listeners
from relayguard.daemon.notify import Notifier
from relayguard.daemon.process import Starter
from relayguard.daemon.reloading import Generations
from relayguard.daemon.slots import Slots
from relayguard.daemon.status import serves, status_of, worker_states
from relayguard.metrics.page import render
from relayguard.metrics.processes import ProcessMetrics
from relayguard.snapshot import Snapshot

_STATUS_SECONDS = 5.0
_STOP_MARGIN = 15.0


class Supervisor:
    """Serves the configuration at `path` until SIGTERM or SIGINT.

    `command` runs Relayguard. `inherited` are the sockets that systemd passed, `watchdog` the seconds within
    which it wants to hear from us, and `folder` is where the workers' metrics lie.
    """

    def __init__(
        self,
        path: Path,
        command: Sequence[str],
        snapshot: Snapshot,
        folder: Path,
        inherited: Mapping[str, socket.socket],
        notifier: Notifier,
        watchdog: float | None,
    ) -> None:
        self._snapshot = snapshot
        self._notifier = notifier
        self._watchdog = watchdog
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None
        self._listeners = Listeners(inherited)
        self._path = path
        self._since = time.time()
        self._metrics = ProcessMetrics(str(folder), lambda: worker_states(self._generations.living))
        self._doors = Doors(self._listeners, self._metrics, self._healthy, self._page, self._reload)
        house = House(
            listeners=self._listeners,
            starter=Starter(command, str(folder)),
            slots=Slots(),
            metrics=self._metrics,
            spawn=self._spawn,
        )
        self._generations = Generations(snapshot, house, self._doors, partial(check, command, path))

    async def run(self) -> None:
        """Serve until told to stop. Raises ListenError or GenerationError if serving cannot begin."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._reload_on_signal()))
        try:
            await self._doors.open(self._snapshot.config)
            if await self._begin():
                self._announce()
                turning = self._spawn(self._generations.turn_over())
                self._spawn(self._feed_watchdog())
                await self._stopping.wait()
                # No further generation begins.
                turning.cancel()
                await asyncio.wait([turning])
                await self._stop()
        finally:
            self._doors.close()
            for task in tuple(self._tasks):
                task.cancel()
        if self._failed is not None:
            raise self._failed

    async def _begin(self) -> bool:
        """Begin the first generation; return whether it serves, and not told to stop meanwhile."""
        begun = asyncio.create_task(self._generations.begin())
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([begun, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not begun.done():
            begun.cancel()
            await asyncio.wait([begun])
            return False
        await begun
        return True

    def _announce(self) -> None:
        config = self._snapshot.config
        logger = self._generations.logger
        if "." not in config.authserv_id:
            logger.warning("authserv_id names no organisation: set it", authserv_id=config.authserv_id)
        for address in self._listeners.unused(config.listener.values()):
            logger.warning("systemd passed a socket that no listener takes: clients wait there", address=address)
        logger.info(
            "serving",
            version=__version__,
            listeners={name: listener.address for name, listener in config.listener.items()},
            workers=len(self._generations.current.workers),
        )
        self._notifier.ready(self._status())

    async def _stop(self) -> None:
        seconds = self._generations.current.snapshot.config.daemon.stop
        self._generations.logger.info("stopping", sessions=sum(each.sessions for each in self._generations.living))
        self._notifier.stopping()
        self._notifier.extend_timeout(seconds + _STOP_MARGIN)
        await self._generations.stop(seconds)
        self._generations.logger.info("stopped")

    async def _reload(self) -> Answer:
        self._notifier.reloading("checking the configuration")
        try:
            return await self._generations.reload()
        finally:
            self._notifier.ready(self._status())

    async def _reload_on_signal(self) -> None:
        await self._reload()

    async def _feed_watchdog(self) -> None:
        """Tell systemd that all is well, for as long as every worker is heard of."""
        pause = min(_STATUS_SECONDS, self._watchdog / 3) if self._watchdog else _STATUS_SECONDS
        while True:
            if all(generation.fresh for generation in self._generations.living):
                self._notifier.watchdog()
            self._notifier.status(self._status())
            await asyncio.sleep(pause)

    def _status(self) -> str:
        current = self._generations.current
        sessions = sum(each.sessions for each in self._generations.living)
        said = [f"generation {current.number}: {len(current.serving)} workers serve {sessions} sessions"]
        reload = self._generations.last_reload
        if reload:
            failed = f"last reload {reload.outcome}: {reload.problems[0]}" if reload.problems else ""
            said.append(failed or f"generation {current.number} serves")
        return "; ".join(said)

    def _healthy(self) -> bool:
        """Tell whether mail is being served on every listener; asked from the exporter's threads."""
        return not self._stopping.is_set() and serves(self._generations.living)

    def _page(self) -> str:
        """Return the status page; asked from the exporter's threads."""
        serving = self._healthy()
        return render(status_of(self._generations, self._metrics, self._path, self._since, serving=serving))

    def _spawn(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run something beside; should it ever fail, the daemon stops in order and tells."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed = self._failed or error
            self._stopping.set()
