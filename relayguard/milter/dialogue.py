"""One milter connection without I/O: the MTA's packets in, what is due to it out."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import ClassVar

from relayguard.core.stages import Stage
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Reject
from relayguard.log import Logger
from relayguard.milter.answers import CONTINUE, SKIP, UNAVAILABLE, answer, ending, needed
from relayguard.milter.fields import Fields
from relayguard.milter.macros import Macros
from relayguard.milter.negotiation import Negotiator, Terms
from relayguard.milter.protocol import Command, PassOver, ProtocolError, read_address
from relayguard.pipeline.connection import Client, Pipeline
from relayguard.pipeline.record import MilterFailure
from relayguard.pipeline.transaction import Ending

Packets = Iterable[tuple[int, bytes]]
Send = Callable[[bytes], None]


# Each command as the octet that it is on the wire (see `Command`).
_NEGOTIATE, _MACROS, _CONNECT, _HELO, _MAIL, _RCPT, _DATA, _UNKNOWN = b"ODCHMRTU"
_HEADER, _END_OF_HEADERS, _BODY, _END_OF_MESSAGE, _ABORT, _QUIT, _QUIT_AND_REUSE = b"LNBEAQK"
_AT_ONCE = 32
_ANYTHING = (Exception, asyncio.CancelledError)
_NEVER_ANSWERED = frozenset({_ABORT, _QUIT, _QUIT_AND_REUSE})


class Edge:
    """What the native connections of one listener share."""

    def __init__(self, pipeline: Pipeline, logger: Logger) -> None:
        self.pipeline = pipeline
        self.logger = logger
        self.negotiator = Negotiator(pipeline.needs)


class Dialogue:
    """Takes packets in their order, and calls `send` with each reply as soon as it is known.

    `terms` is None until the MTA has negotiated. `begun` says that it has an envelope in progress, `finished` that it
    wants to hear no more.
    """

    __slots__ = (
        "_connection",
        "_edge",
        "_fields",
        "_macros",
        "_owed",
        "_seen",
        "_send",
        "_silent",
        "begun",
        "finished",
        "terms",
    )

    def __init__(self, edge: Edge, send: Send) -> None:
        self._edge = edge
        self._send = send
        self._connection = edge.pipeline.open()
        self._fields = Fields(edge.pipeline.rules.strip_headers)
        self._macros = Macros()
        self._seen = False
        # What is to be said of the envelope in progress as soon as a reply is due.
        self._owed: Reject | Defer | None = None
        self.terms: Terms | None = None
        self._silent: frozenset[int] = frozenset()
        self.begun = False
        self.finished = False

    def negotiate(self, command: int, data: bytes) -> None:
        """Take the first packet of all; raises ProtocolError."""
        if command != _NEGOTIATE:
            raise ProtocolError("no negotiation")
        self.terms = self._edge.negotiator.agree(data)
        if self.terms.missing:
            self._edge.logger.error("the MTA does not grant all actions", missing=hex(self.terms.missing))
        self._silent = self.terms.silent
        self._fields.leading_space = self.terms.leading_space
        self._send(self.terms.answer)

    @property
    def pass_over(self) -> PassOver | None:
        """What may leave out some of the packets that follow those taken so far, for nobody will look at them."""
        if self.begun and self._fields.full and _HEADER in self._silent:
            return partial(self._fields.pass_over, self._macros.latest)
        return None

    async def take(self, packets: Packets) -> None:
        """Take what follows; raises ProtocolError for what no MTA says."""
        handled, macros = 0, b""
        for command, data in packets:
            # By far the most there are, and nothing in them waits.
            if command == _HEADER:
                if self.begun:
                    self._fields.take(data)
                if _HEADER not in self._silent:
                    self._send(CONTINUE)
                continue
            if command == _MACROS:
                # Postfix repeats them before each field.
                if data != macros:
                    self._macros.take(data)
                    macros = data
                continue
            handled += 1
            if not handled % _AT_ONCE:
                # Who sends so many before the first is answered must not keep the others waiting.
                await asyncio.sleep(0)
            handler = self._HANDLERS.get(command)
            if handler is None:
                raise ProtocolError(f"unknown command {command:#x}")
            try:
                await handler(self, data)
            except ProtocolError:
                raise
            # The edge: the MTA must get an answer, where one is due, even if a filter has cancelled its own task.
            except _ANYTHING as error:
                await self._give_up(command, error)
            if self.finished:
                return

    async def close(self) -> None:
        """The MTA has gone."""
        self.begun = False
        await self._connection.close()

    async def _connect(self, data: bytes) -> None:
        name, _, rest = data.partition(b"\0")
        client = _client(name, rest, self._macros.of(self._edge.negotiator.macros[Stage.CONNECT]))
        self._seen = True
        self._reply(_CONNECT, await self._connection.connect(client))

    async def _helo(self, data: bytes) -> None:
        if not self._seen:
            await self._see()
        macros = self._macros.of(self._edge.negotiator.macros[Stage.HELO])
        name, *_ = _ended(data)
        self._reply(_HELO, await self._connection.helo(_text(name), macros))

    async def _mail_from(self, data: bytes) -> None:
        if not self._seen:
            await self._see()
        self._macros.forget_message()
        self._fields.finish()
        self._owed = None
        self.begun = True
        path, *words = _ended(data)
        macros = self._macros.of(self._edge.negotiator.macros[Stage.MAIL_FROM])
        verdict = await self._connection.mail_from(path, tuple(map(_text, words)), macros)
        if isinstance(verdict, Reject | Defer):
            self.begun = False
        self._reply(_MAIL, verdict)

    async def _rcpt_to(self, data: bytes) -> None:
        path, *_ = _ended(data)
        self._reply(_RCPT, self._owed or await self._connection.rcpt_to(path))

    async def _end_of_headers(self, _data: bytes) -> None:
        await self._connection.end_of_headers(self._fields.finish(), self._macros.queue_id())
        self._reply(_END_OF_HEADERS)

    async def _body(self, chunk: bytes) -> None:
        await self._connection.body(chunk)
        if self.terms and self.terms.skip and not self._connection.wants_body:
            self._send(SKIP)
        else:
            self._reply(_BODY)

    async def _end_of_message(self, data: bytes) -> None:
        if self._owed or not self.begun:
            self._send(answer(self._owed or UNAVAILABLE))
            return
        if data:
            # The last chunk may come with it.
            await self._connection.body(data)
        end = await self._connection.end_of_message(self._macros.queue_id())
        self.begun = False
        if end is None or not self._may(end):
            self._send(answer(UNAVAILABLE))
        else:
            self._send(ending(end, leading_space=self._fields.leading_space))

    def _may(self, end: Ending) -> bool:
        """Tell whether the MTA lets us do all that was decided; in part it must not be done."""
        missing = self.terms.missing if self.terms is not None else 0
        return not missing or not missing & needed(end)

    async def _other(self, _data: bytes) -> None:
        """DATA and what the MTA does not know itself: nobody wants them, and an old MTA sends them all the same."""
        self._send(CONTINUE)

    async def _abort(self, _data: bytes) -> None:
        self.begun = False
        await self._connection.abort()

    async def _quit(self, _data: bytes) -> None:
        self.finished = True

    async def _reuse(self, _data: bytes) -> None:
        await self.close()
        self._connection = self._edge.pipeline.open()
        self._macros = Macros()
        self._seen = False

    async def _see(self) -> None:
        """Make up for a client that was never reported: it must not pass for local."""
        self._seen = True
        await self._connection.connect(Client(None, lost=True))

    async def _give_up(self, command: int, error: BaseException) -> None:
        """End the envelope in progress as failed."""
        self._edge.logger.error(
            "milter callback failed",
            callback=Command(bytes((command,))).name.lower(),
            error=printable(repr(error), 500),
            queue_id=printable(self._connection.queue_id or "", 64),
        )
        self._edge.pipeline.observer.milter_failed(MilterFailure.COMMAND)
        self.begun = False
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()
        await self._connection.fail()
        if command in self._silent:
            self._owed = UNAVAILABLE
        elif command not in _NEVER_ANSWERED:
            self._send(answer(UNAVAILABLE))

    def _reply(self, command: int, verdict: Reject | Defer | None = None) -> None:
        if command not in self._silent:
            self._send(CONTINUE if verdict is None else answer(verdict))
        elif verdict is not None:
            self._owed = verdict

    _HANDLERS: ClassVar[Mapping[int, Callable[["Dialogue", bytes], Awaitable[None]]]] = {
        _CONNECT: _connect,
        _HELO: _helo,
        _MAIL: _mail_from,
        _RCPT: _rcpt_to,
        _DATA: _other,
        _UNKNOWN: _other,
        _END_OF_HEADERS: _end_of_headers,
        _BODY: _body,
        _END_OF_MESSAGE: _end_of_message,
        _ABORT: _abort,
        _QUIT: _quit,
        _QUIT_AND_REUSE: _reuse,
    }


def _client(name: bytes, rest: bytes, macros: Mapping[str, str]) -> Client:
    family = rest[:1]
    if family not in (b"4", b"6"):
        # A unix socket or a local program, which have no address.
        return Client(None, _text(name), 0, macros)
    address = read_address(rest[3:].partition(b"\0")[0].decode("ascii", "replace"))
    port = struct.unpack_from("!H", rest, 1)[0] if len(rest) > 2 else 0
    return Client(address, _text(name), port, macros, lost=address is None)


def _ended(data: bytes) -> list[bytes]:
    if not data.endswith(b"\0"):
        raise ProtocolError("a text without an end")
    return data[:-1].split(b"\0")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
