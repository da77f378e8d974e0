"""A worker process: one event loop for the filters, a transport beside it, on a socket that the supervisor owns."""

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable

from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, build_resolver, build_store, services_of
from relayguard.config import ConfigError
from relayguard.daemon.assignment import Assignment
from relayguard.daemon.channel import Channel, Facts, Word
from relayguard.daemon.limits import raise_file_limit
from relayguard.files import OperatorFiles
from relayguard.log import Floods, Logger, make_logger
from relayguard.metrics.numbers import Place, private
from relayguard.metrics.processes import resident_memory
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.metrics.shared import share
from relayguard.milter.transport import Transport, open_transport
from relayguard.pipeline.envelope_log import EnvelopeLog
from relayguard.pipeline.failures import describe
from relayguard.pipeline.filters import Filter
from relayguard.pipeline.record import Observers
from relayguard.pipeline.refreshing import keep_fresh
from relayguard.services import Store
from relayguard.snapshot import Snapshot

EXIT_TRANSPORT = 70
EXIT_CONFIGURATION = 78

_BEAT_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_SETTLE_SECONDS = 1.0
"""A session that was accepted but has said nothing yet is in no count."""

_LAST_REPLY_SECONDS = 0.2
"""A reply that is being written has no envelope any more."""

_PATIENCE_SECONDS = 3.0
_IDLE_SECONDS = 1.0

_ORPHAN_SECONDS = 40.0
_PROBLEM = 4000


def work(assignment: Assignment) -> None:
    """Serve until told to leave; ends the process."""
    # Ctrl-C and systemd's stop reach the whole group; the supervisor tells us when to go.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Of the thread that hangs or crashes: filters run on the first one, to which a signal goes.
    faulthandler.enable(file=assignment.crash, all_threads=False)
    threading.Thread(target=_end_with, args=(os.getppid(),), name="orphan", daemon=True).start()
    if assignment.cpu is not None:
        _keep_to(assignment.cpu)
    raise_file_limit()
    asyncio.run(_work(assignment))


async def _work(assignment: Assignment) -> None:
    status = await _serve(assignment)
    # libmilter's threads outlive its use, and a filter's may never end: neither must be waited for, nor meet an
    # interpreter that is being taken down.
    sys.stderr.flush()
    os._exit(status)


async def _serve(assignment: Assignment) -> int:
    snapshot = Snapshot.read(assignment.snapshot)
    log = snapshot.config.log
    # A stranger can make trouble with every message he sends; the supervisor meets no message.
    logger = make_logger(log.format, log.level, floods=Floods(), worker=assignment.slot)
    place: Place = private
    try:
        place = share(assignment.metrics, assignment.slot)
    except OSError as error:
        # Mail is not to stop for want of a place to count it in.
        logger.error("metrics are not counted", folder=assignment.metrics, error=error.strerror)
    worker = Worker(assignment, logger)
    metrics = PrometheusMetrics(__version__, place)
    store = build_store(snapshot.config, metrics, logger, assignment.workers)
    try:
        filters = build(snapshot, assignment.sockets, metrics, store)
    except ConfigError as error:
        worker.channel.say(Word.FAILED, problem="; ".join(map(str, error.problems))[:_PROBLEM])
        return EXIT_CONFIGURATION
    for own in filters.values():
        metrics.runs(own)
    observer = Observers([metrics, EnvelopeLog(logger)])
    pipelines = {name: build_pipeline(snapshot.config, own, observer, metrics, name) for name, own in filters.items()}
    keeping = [asyncio.create_task(keep_fresh(own, observer, logger)) for own in filters.values()]
    # Who counts by no limit needs no file of counters.
    if store.declared:
        keeping.append(asyncio.create_task(store.keep()))
    for task in keeping:
        task.add_done_callback(lambda done: _report(done, logger))
    status = await worker.run(open_transport(assignment.transport, pipelines, logger))
    for task in keeping:
        task.cancel()
    return status


def _report(task: "asyncio.Task[None]", logger: Logger) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("what is done now and then is done no more", error=describe(error)[:_PROBLEM])


def build(
    snapshot: Snapshot, listeners: Iterable[str], metrics: PrometheusMetrics, store: Store
) -> dict[str, tuple[Filter, ...]]:
    """Build the filters of the listeners; raises ConfigError."""
    config = snapshot.config
    services = services_of(config, build_resolver(config, metrics), metrics, store, OperatorFiles(snapshot.files))
    return {name: build_filters(snapshot, services, name) for name in listeners}


class Worker:
    """What the supervisor says, done: serve, drain, stop."""

    def __init__(self, assignment: Assignment, logger: Logger) -> None:
        self.channel = Channel(socket.socket(fileno=assignment.channel), self._told, self._orphaned)
        self._listeners = {name: socket.socket(fileno=number) for name, number in assignment.sockets.items()}
        self._logger = logger
        self._serve = asyncio.Event()
        self._leave = asyncio.Event()
        self._word = Word.STOP
        self._deadline = 0.0
        self._died = False

    async def run(self, transport: Transport) -> int:
        """Serve until told to leave, and return the exit status."""
        # What start-up has made lives as long as the process: the collector need not look at it again.
        gc.freeze()
        beating = asyncio.create_task(self._beat(transport))
        self.channel.say(Word.READY)
        await self._either(self._serve, self._leave)
        if self._serve.is_set():
            transport.serve(self._listeners, self._transport_ended)
            await self._leave.wait()
        transport.detach()
        self.channel.say(Word.DETACHED)
        await self._finish(transport)
        beating.cancel()
        return EXIT_TRANSPORT if self._died else 0

    def _told(self, word: Word, facts: Facts) -> None:
        if word is Word.SERVE:
            self._serve.set()
        else:
            self._word = word
            self._deadline = time.monotonic() + float(facts["seconds"])
            self._leave.set()

    def _orphaned(self) -> None:
        if not self._leave.is_set():
            self._logger.error("the supervisor is gone")
        self._told(Word.STOP, {"seconds": 30.0})

    def _transport_ended(self) -> None:
        self._died = True
        self._told(Word.STOP, {"seconds": 30.0})

    @staticmethod
    async def _either(*events: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _beat(self, transport: Transport) -> None:
        memory = resident_memory()
        while True:
            with contextlib.suppress(OSError):
                # Where no file can be opened just now, the last figure will do.
                memory = resident_memory()
            self.channel.say(
                Word.BEAT,
                sessions=transport.sessions,
                envelopes=transport.transactions,
                memory=memory,
                cpu=time.process_time(),
            )
            await asyncio.sleep(_BEAT_SECONDS)

    async def _finish(self, transport: Transport) -> None:
        """Wait for what must end before we do; what that is may change while we wait."""
        quiet_since = detached = time.monotonic()
        while (now := time.monotonic()) < self._deadline:
            if self._unfinished(transport, now - detached):
                quiet_since = now
            elif now - quiet_since >= (_SETTLE_SECONDS if self._word is Word.DRAIN else _LAST_REPLY_SECONDS):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        if transport.sessions:
            left = {"sessions": transport.sessions, "envelopes": transport.transactions}
            (self._logger.warning if left["envelopes"] else self._logger.info)(
                "worker leaves sessions behind", **left
            )

    def _unfinished(self, transport: Transport, seconds: float) -> int:
        if self._word is Word.DRAIN:
            return transport.sessions
        # A client who has just said EHLO is about to send: most sessions are over before their time is up.
        return transport.active(_IDLE_SECONDS) if seconds < _PATIENCE_SECONDS else transport.transactions


def _keep_to(cpu: int) -> None:
    """Run on one core: libmilter's threads cost twice as much where they are spread over several."""
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError:
        # A sandbox may forbid it, or the core may have gone: slower, and no reason not to serve.
        return


def _end_with(parent: int) -> None:
    """End this process when its parent has gone and it cannot: it hangs, or it was still being built."""
    while os.getppid() == parent:
        time.sleep(_BEAT_SECONDS)
    time.sleep(_ORPHAN_SECONDS)
    os._exit(EXIT_TRANSPORT)
