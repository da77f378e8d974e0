"""The native transport: asyncio and our own codec, no libmilter; one worker serves all listeners that use it."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping

from relayguard.log import Logger
from relayguard.milter.dialogue import Edge
from relayguard.milter.wire import BUFFER_BYTES, Limits, Wire
from relayguard.pipeline.connection import Pipeline

_ACCEPTED_AT_ONCE = 4
"""More, and one worker takes all of a burst while the others sleep."""

_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 1.0


class NativeTransport:
    """Serves listeners on the running event loop; `pipelines` holds what runs on each."""

    def __init__(self, pipelines: Mapping[str, Pipeline], logger: Logger, limits: Limits | None = None) -> None:
        self._edges = {name: Edge(pipeline, logger) for name, pipeline in pipelines.items()}
        self._logger = logger
        self._limits = limits or Limits()
        self._loop = asyncio.get_running_loop()
        self._listeners: list[socket.socket] = []
        self._wires: set[Wire] = set()
        # What is read is at once cut into packets: one buffer does for all, and none is allocated for a read.
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    @property
    def sessions(self) -> int:
        """How many milter connections are open."""
        return len(self._wires)

    @property
    def transactions(self) -> int:
        """How many envelopes are in progress."""
        return sum(wire.begun for wire in self._wires)

    def active(self, seconds: float) -> int:
        """How many milter connections have an envelope in progress, or said something in the last seconds."""
        since = self._loop.time() - seconds
        return sum(wire.begun or wire.touched > since for wire in self._wires)

    def serve(self, listeners: Mapping[str, socket.socket], ended: Callable[[], None]) -> None:
        """Accept on `listeners`, by name. Nothing but `detach` ends this, so `ended` is never called."""
        del ended
        for name, listener in listeners.items():
            listener.settimeout(0)
            if listener.family != socket.AF_UNIX:
                # Inherited by what it accepts: a reply must not wait for an acknowledgement of the one before.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._listeners.append(listener)
            self._loop.add_reader(listener, self._accept, listener, self._edges[name])
        self._loop.call_later(_LOOK_SECONDS, self._look)

    def detach(self) -> None:
        """Accept nothing more."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            self._loop.remove_reader(listener)
            listener.close()

    def _accept(self, listener: socket.socket, edge: Edge) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                # Another worker was faster, or the client has gone again.
                return
            except OSError as error:
                self._logger.error("no connection can be accepted", error=error.strerror)
                self._loop.remove_reader(listener)
                self._loop.call_later(_RETRY_SECONDS, self._accept_again, listener, edge)
                return
            accepted.settimeout(0)
            self._wires.add(Wire(accepted, edge, self._buffer, self._limits, self._wires.discard))

    def _accept_again(self, listener: socket.socket, edge: Edge) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener, edge)

    def _look(self) -> None:
        self._loop.call_later(_LOOK_SECONDS, self._look)
        self._look_at(tuple(self._wires))

    def _look_at(self, wires: Iterable[Wire]) -> None:
        now = self._loop.time()
        for wire in wires:
            wire.look(now)
