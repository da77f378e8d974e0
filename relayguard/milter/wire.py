"""One accepted socket of the native transport: reads, writes, and flow control on both sides."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from relayguard.core.text import printable
from relayguard.milter.answers import PROGRESS
from relayguard.milter.dialogue import Dialogue, Edge
from relayguard.milter.protocol import Command, PacketReader, ProtocolError
from relayguard.pipeline.record import MilterFailure

BUFFER_BYTES = 256 * 1024

_SMALL_BYTES = 16 * 1024

_HAND_OVER_BYTES = 64 * 1024
"""So much may have come before it is looked at although nobody waits for a reply."""

_QUEUE_BYTES = 256 * 1024
"""So much may have come, and wait for earlier packets to be done, before the MTA must wait to send more."""

_GREETING_BYTES = 4096
"""A negotiation is shorter by far."""

_UNREAD_BYTES = 64 * 1024
"""So much may be said and not be read yet before nothing more is taken."""


_MAIL, _END_OF_MESSAGE = Command.MAIL.value[0], Command.END_OF_MESSAGE.value[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How patient we are, in seconds.

    A peer is given up that does not negotiate (`greeting`), that stops inside a packet or does not read our replies
    (`stalled`), or that says nothing at all (`silent`, as libmilter has it). One that waits for us is told to go on
    waiting every `progress`.
    """

    greeting: float = 30.0
    stalled: float = 300.0
    silent: float = 7210.0
    progress: float = 10.0


class Wire:
    """Carries one dialogue. `buffer` is where all wires of a worker read to; `ended` is called once, at the end."""

    def __init__(
        self,
        accepted: socket.socket,
        edge: Edge,
        buffer: memoryview,
        limits: Limits,
        ended: Callable[["Wire"], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = accepted
        self._edge = edge
        self._buffer = buffer
        self._limits = limits
        self._ended = ended
        self._reader = PacketReader()
        self._dialogue = Dialogue(edge, self._send)
        self._packets: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._unsent = bytearray()
        self._sent_all: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading = True
        self._gone = False
        self._told = 0.0
        self._last = 0
        # When it was accepted, or the packet began that is not complete.
        self._since = self.touched = self._loop.time()
        # By its number: for a socket the selector would write out what it is, each time.
        self._number = accepted.fileno()
        self._loop.add_reader(self._number, self._readable)

    @property
    def begun(self) -> bool:
        """Whether the MTA has an envelope in progress, looked at or not, or is still to hear of one."""
        busy = self._task is not None or bool(self._unsent)
        return self._dialogue.begun or busy or any(command == _MAIL for command, _ in self._packets)

    def look(self, now: float) -> None:
        """Tell a peer that waits to go on waiting, and give up one that does not do its part."""
        if self._task is not None and self._sent_all is None:
            # It is we who are late.
            if self._last == _END_OF_MESSAGE and now - max(self._told, self.touched) >= self._limits.progress:
                self._told = now
                self._send(PROGRESS)
        elif now > self._patient_until():
            self._hang_up()

    def _patient_until(self) -> float:
        if self._dialogue.terms is None:
            return self._since + self._limits.greeting
        if self._reader.held:
            # However many of its octets still drip in.
            return self._since + self._limits.stalled
        return self.touched + (self._limits.stalled if self._unsent else self._limits.silent)

    def _readable(self) -> None:
        try:
            size = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            size = 0
        if not size:
            self._hang_up()
            return
        self.touched = self._loop.time()
        try:
            data = self._buffer[:size]
            # Many small packets are cut more cheaply out of bytes; of large ones no copy is made for that.
            packets = self._read_packets(bytes(data) if size < _SMALL_BYTES else data)
        except ProtocolError as error:
            self._refuse(error)
            return
        if packets:
            self._last = packets[-1][0]
            self._packets += packets
            self._bytes += size
            self._hand_over(packets)

    def _read_packets(self, data: bytes | memoryview) -> list[tuple[int, bytes]]:
        held = self._reader.held
        # Only of what was taken is it known what it leaves to be looked at.
        pending = self._packets or self._task is not None
        packets = self._reader.feed(data, None if pending else self._dialogue.pass_over)
        if self._dialogue.terms is None:
            if packets:
                self._dialogue.negotiate(*packets.pop(0))
            elif self._reader.held > _GREETING_BYTES:
                raise ProtocolError("no negotiation")
        elif not held or self._reader.held < held + len(data):
            self._since = self.touched
        return packets

    def _hand_over(self, new: list[tuple[int, bytes]]) -> None:
        if self._task is not None:
            if self._bytes >= _QUEUE_BYTES:
                self._read(wanted=False)
            return
        terms = self._dialogue.terms
        if terms is None:
            return
        # Mostly it is the last that somebody waits for.
        urgent = terms.urgent
        if new[-1][0] in urgent or self._bytes >= _HAND_OVER_BYTES or any(command in urgent for command, _ in new):
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._packets:
                packets, self._packets, self._bytes = self._packets, [], 0
                self._read(wanted=True)
                await self._dialogue.take(packets)
                if len(self._unsent) > _UNREAD_BYTES:
                    await self._all_sent()
            if self._dialogue.finished:
                self._hang_up()
        except ProtocolError as error:
            self._refuse(error)
        # The edge: whatever it was, this connection must not be left hanging.
        except Exception as error:
            self._edge.logger.error("milter connection failed", error=printable(repr(error), 500))
            self._edge.pipeline.observer.milter_failed(MilterFailure.CONNECTION)
            self._hang_up()
        finally:
            self._task = None
        if self._gone:
            await self._end()

    def _refuse(self, error: ProtocolError) -> None:
        # Who did not negotiate is no MTA; his mistakes must not fill our log.
        if self._dialogue.terms is not None:
            self._edge.logger.warning("the MTA broke the milter protocol", problem=str(error))
            self._edge.pipeline.observer.milter_failed(MilterFailure.PROTOCOL)
        self._packets = []
        self._hang_up()

    def _hang_up(self) -> None:
        """Read no more; what has come is still looked at, and then the connection ends."""
        if self._gone:
            return
        self._gone = True
        self._read(wanted=False)
        self._unsent.clear()
        self._no_more_to_send()
        if self._task is None:
            self._task = self._loop.create_task(self._work())

    async def _end(self) -> None:
        try:
            await self._dialogue.close()
        finally:
            self._socket.close()
            self._ended(self)

    def _read(self, *, wanted: bool) -> None:
        wanted = wanted and not self._gone
        if wanted == self._reading:
            return
        self._reading = wanted
        if wanted:
            self._loop.add_reader(self._number, self._readable)
        else:
            self._loop.remove_reader(self._number)

    def _send(self, data: bytes) -> None:
        if self._gone:
            return
        if self._unsent:
            self._unsent += data
            return
        sent = 0
        # Of one who is gone, reading will tell.
        with contextlib.suppress(OSError):
            sent = self._socket.send(data)
        if sent < len(data):
            self._unsent += data[sent:]
            self._sent_all = self._loop.create_future()
            self._loop.add_writer(self._number, self._writable)

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._hang_up()
            return
        self.touched = self._loop.time()
        del self._unsent[:sent]
        if not self._unsent:
            self._no_more_to_send()

    def _no_more_to_send(self) -> None:
        if self._sent_all is not None:
            self._loop.remove_writer(self._number)
            self._sent_all.set_result(None)
            self._sent_all = None

    async def _all_sent(self) -> None:
        if self._sent_all is not None:
            await self._sent_all
