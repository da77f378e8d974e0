"""One worker, as the supervisor sees it: a process, what it last said, and how it ended."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from relayguard.config import TransportName
from relayguard.core.processes import Cause, State
from relayguard.core.text import printable
from relayguard.daemon.assignment import Assignment
from relayguard.daemon.channel import Channel, Facts, Word

ABORT_SECONDS = 2.0
"""So long a worker that hangs has to write down where, before it is killed."""

_TRACE = 16 * 1024
_WIDTH = 2000


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker said of itself last. Memory in bytes, CPU in seconds."""

    sessions: int = 0
    envelopes: int = 0
    memory: int = 0
    cpu: float = 0.0


class Worker:
    """A worker process. `status` is negative for a signal, as in `subprocess`.

    `problem` is why it could not start; `where` the stack of a crash, as the interpreter wrote it down dying.
    """

    def __init__(
        self,
        assignment: Assignment,
        process: "subprocess.Popen[bytes]",
        end: socket.socket,
        death: int,
        crash: BinaryIO,
        gone: Callable[["Worker"], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.assignment = assignment
        self.state = State.STARTING
        self.beat = Beat()
        self.problem: str | None = None
        self.where: str | None = None
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.detached = asyncio.Event()
        self.heard_at = time.monotonic()
        self._served_at: float | None = None
        self.heard_time = time.time()
        self._cause: Cause | None = None
        self._crash = crash
        self._gone = gone
        self._process = process
        self._channel = Channel(end, self._heard, lambda: None)
        self._death = death
        loop.add_reader(self._death, self._died)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it exited; None while it lives."""
        return self._process.returncode

    @property
    def cause(self) -> Cause:
        """Why it must be replaced."""
        return self._cause or (Cause.SIGNAL if (self.status or 0) < 0 else Cause.EXIT)

    @property
    def lived(self) -> float:
        """For how many seconds it served well; one that hung did not, however long that took to notice."""
        if self._served_at is None or self._cause is Cause.HEARTBEAT:
            return 0.0
        return time.monotonic() - self._served_at

    @property
    def silent(self) -> float:
        """Seconds since it was last heard of."""
        return time.monotonic() - self.heard_at

    def serve(self) -> None:
        """Let it accept clients."""
        self.state = State.SERVING
        self._served_at = time.monotonic()
        self._channel.say(Word.SERVE)

    def leave(self, word: Word, seconds: float) -> None:
        """Tell it to drain or to stop; one that does not serve yet has nothing to finish."""
        if self.state in (State.STARTING, State.READY):
            self.kill(signal.SIGKILL)
            return
        self.state = State.DRAINING
        self._channel.say(word, seconds=seconds)

    def abort(self, cause: Cause) -> None:
        """End a worker that hangs: it writes down where, and dies."""
        if self._cause is not cause:
            self._cause = cause
            self.kill(signal.SIGABRT)
            asyncio.get_running_loop().call_later(ABORT_SECONDS, self.kill, signal.SIGKILL)

    def kill(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        if not self.ended.done():
            self._process.send_signal(number)

    def retire(self) -> None:
        """Note that it is to be replaced because it has grown."""
        self._cause = Cause.MEMORY

    def _last_words(self) -> str | None:
        with self._crash:
            # The child's writing has moved the position, which is shared.
            self._crash.seek(0)
            text = self._crash.read(_TRACE).decode("utf-8", "replace")
        frames = [line.strip() for line in text.splitlines() if line.strip().startswith("File ")]
        return printable(" < ".join(frames[:8]), _WIDTH) or None

    def _heard(self, word: Word, facts: Facts) -> None:
        self.heard_at, self.heard_time = time.monotonic(), time.time()
        if word is Word.READY and not self.ready.done():
            self.state = State.READY
            self.ready.set_result(None)
        elif word is Word.FAILED:
            self.problem = str(facts["problem"])
        elif word is Word.DETACHED:
            self.detached.set()
        elif word is Word.BEAT:
            self.beat = Beat(
                int(facts["sessions"]), int(facts["envelopes"]), int(facts["memory"]), float(facts["cpu"])
            )

    def _died(self) -> None:
        asyncio.get_running_loop().remove_reader(self._death)
        os.close(self._death)
        self._process.wait()
        try:
            self._channel.finish()
            self.where = self._last_words()
        finally:
            self.detached.set()
            self.ended.set_result(None)
            self._gone(self)


class Starter:
    """Starts workers. `command` runs Relayguard, such as ``("/usr/bin/python3", "-m", "relayguard")``."""

    def __init__(self, command: Sequence[str], metrics: str) -> None:
        self._command = tuple(command)
        self._metrics = metrics

    def start(
        self,
        sockets: Mapping[str, socket.socket],
        transport: TransportName,
        generation: int,
        snapshot: int,
        slot: int,
        cpu: int | None,
        workers: int,
        gone: Callable[[Worker], None],
    ) -> Worker:
        """Start a worker; it says when it is ready. Raises OSError where the system has no room for a process."""
        with ExitStack() as made:
            ours, theirs = (made.enter_context(end) for end in socket.socketpair(type=socket.SOCK_SEQPACKET))
            crash = made.enter_context(os.fdopen(os.memfd_create("relayguard-crash"), "rb"))
            assignment = Assignment(
                sockets={name: opened.fileno() for name, opened in sockets.items()},
                transport=transport,
                generation=generation,
                slot=slot,
                channel=theirs.fileno(),
                snapshot=snapshot,
                crash=crash.fileno(),
                metrics=self._metrics,
                cpu=cpu,
                workers=workers,
            )
            process = subprocess.Popen(  # noqa: S603  # our own program
                [*self._command, "worker", assignment.argument()],
                stdin=subprocess.DEVNULL,
                pass_fds=assignment.descriptors,
            )
            try:
                death = os.pidfd_open(process.pid)
            except OSError:
                process.kill()
                process.wait()
                raise
            made.pop_all()
        theirs.close()
        return Worker(assignment, process, ours, death, crash, gone)
