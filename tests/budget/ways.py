"""The ways that a message takes: through the engine alone, and from an MTA's bytes to the reply's.

What a way does before its message runs, and after, is not counted.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol as Shape

from bench.corpus import Case
from relayguard import AddHeader
from relayguard.core.message import split_message
from relayguard.log import Logger
from relayguard.milter import protocol
from relayguard.milter.dialogue import Edge
from relayguard.milter.protocol import ALL_ACTIONS, ALL_PROTOCOL, MAX_CHUNK, VERSION, Command, Protocol
from relayguard.milter.wire import BUFFER_BYTES, Limits, Wire
from relayguard.pipeline.connection import Client, Pipeline

_RESULTS = "Authentication-Results"
_QUEUE_ID = "4Q00000001"
_SILENT = int(Protocol.NR_CONNECT | Protocol.NR_HELO | Protocol.NR_RCPT | Protocol.NR_BODY)
_ANSWERED = int(Protocol.NR_MAIL)

Run = Callable[[], Awaitable[object]]
"""Takes the message from its beginning to its end."""
Fields = Callable[[], list[str]]
"""Tells what the message was given as Authentication-Results."""


class Way(Shape):
    """Gets a message ready."""

    def ready(self, case: Case, raw: bytes) -> tuple[Run, Fields]:
        """Return what is to be counted, and what tells afterwards whether it went right."""


class Engine:
    """The pipeline with its filters, metrics and log line; no transport."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def ready(self, case: Case, raw: bytes) -> tuple[Run, Fields]:
        """See `Way`."""
        fields, body = split_message(raw)
        client = Client(ipaddress.ip_address(case.client), case.helo)
        given: list[str] = []

        async def run() -> None:
            connection = self._pipeline.open()
            await connection.connect(client)
            await connection.helo(case.helo, {})
            await connection.mail_from(f"<{case.sender}>".encode(), (), {})
            await connection.rcpt_to(f"<{case.recipient}>".encode())
            await connection.end_of_headers(fields, _QUEUE_ID)
            for start in range(0, len(body), MAX_CHUNK):
                await connection.body(body[start : start + MAX_CHUNK])
            ending = await connection.end_of_message(None)
            await connection.close()
            steps = ending.steps if ending else ()
            given.extend(step.value for step in steps if isinstance(step, AddHeader) and step.name == _RESULTS)

        return run, lambda: given


class Native:
    """The native transport as well: a connection of its own for each message, as an MTA has it."""

    def __init__(self, pipeline: Pipeline, logger: Logger) -> None:
        self._edge = Edge(pipeline, logger)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def ready(self, case: Case, raw: bytes) -> tuple[Run, Fields]:
        """See `Way`."""
        envelope, content = b"".join(_envelope(case)), b"".join(_content(case, raw))
        hello = _packet(Command.NEGOTIATE, struct.pack("!III", VERSION, ALL_ACTIONS, ALL_PROTOCOL))
        replies = bytearray()

        async def run() -> None:
            ours, mta = socket.socketpair()
            mta.settimeout(0)
            ours.settimeout(0)
            ended = asyncio.get_running_loop().create_future()
            Wire(ours, self._edge, self._buffer, Limits(), ended.set_result)
            _say(mta, hello)
            (agreed,) = await _heard(mta, replies, b"O")
            _check(struct.unpack_from("!III", agreed)[2])
            _say(mta, envelope)
            await _heard(mta, replies, b"c")
            _say(mta, content)
            await _heard(mta, replies, b"c", times=2)
            _say(mta, _packet(Command.QUIT))
            await ended
            mta.close()

        def fields() -> list[str]:
            inserted = (data[4:].split(b"\0") for command, data in _packets(replies) if command == b"i")
            return [value.decode() for name, value, *_ in inserted if name.decode() == _RESULTS]

        return run, fields


def _envelope(case: Case) -> Iterator[bytes]:
    domain = case.sender.rpartition("@")[2]
    address = ipaddress.ip_address(case.client)
    assert isinstance(address, ipaddress.IPv4Address)
    yield _macros(Command.CONNECT, {"j": "mx.bench.test", "{daemon_name}": "mx.bench.test", "v": "Postfix 3.7.11"})
    yield _packet(Command.CONNECT, protocol.connect(case.helo.encode(), address, 20_000))
    yield _macros(Command.HELO, {"{tls_version}": "TLSv1.3", "{cipher}": "X", "{cipher_bits}": "256"})
    yield _packet(Command.HELO, protocol.strings(case.helo.encode()))
    yield _macros(Command.MAIL, {"{mail_mailer}": "smtp", "{mail_host}": domain, "{mail_addr}": case.sender})
    yield _packet(Command.MAIL, protocol.strings(f"<{case.sender}>".encode(), b"SIZE=100000"))


def _content(case: Case, raw: bytes) -> Iterator[bytes]:
    yield _macros(Command.RCPT, {"{rcpt_mailer}": "local", "{rcpt_addr}": case.recipient})
    yield _packet(Command.RCPT, protocol.strings(f"<{case.recipient}>".encode()))
    fields, body = split_message(raw)
    for name, value in fields:
        yield _packet(Command.HEADER, protocol.strings(name.encode(), value.replace(b"\r\n", b"\n")))
    yield _macros(Command.END_OF_HEADERS, {"i": _QUEUE_ID})
    yield _packet(Command.END_OF_HEADERS)
    for start in range(0, len(body), MAX_CHUNK):
        yield _packet(Command.BODY, body[start : start + MAX_CHUNK])
    yield _macros(Command.END_OF_MESSAGE, {"i": _QUEUE_ID})
    yield _packet(Command.END_OF_MESSAGE)


def _packet(command: Command, data: bytes = b"") -> bytes:
    return struct.pack("!I", len(data) + 1) + command.value + data


def _macros(command: Command, values: dict[str, str]) -> bytes:
    return _packet(Command.MACROS, protocol.macros(command, {name: value.encode() for name, value in values.items()}))


def _say(mta: socket.socket, data: bytes) -> None:
    # In one piece, or the number of pieces would be counted.
    if mta.send(data) != len(data):
        raise RuntimeError(f"a socket of this machine does not hold {len(data)} bytes")


def _check(agreed: int) -> None:
    if agreed & (_SILENT | _ANSWERED) != _SILENT:
        raise RuntimeError(
            f"the MTA played here waits for replies to MAIL and to the message alone, not as {agreed:#x}"
        )


async def _heard(mta: socket.socket, replies: bytearray, last: bytes, times: int = 1) -> list[bytes]:
    """Wait until a reply has come so many times, and return what each said."""
    while len(found := [data for command, data in _packets(replies) if command == last]) < times:
        more = await asyncio.get_running_loop().sock_recv(mta, BUFFER_BYTES)
        if not more:
            raise RuntimeError("the transport hung up")
        replies += more
    return found


def _packets(data: bytearray) -> Iterator[tuple[bytes, bytes]]:
    """The codec under test must not be called for what is read here."""
    position = 0
    while position + 4 <= len(data):
        (length,) = struct.unpack_from("!I", data, position)
        if position + 4 + length > len(data):
            return
        yield bytes(data[position + 4 : position + 5]), bytes(data[position + 5 : position + 4 + length])
        position += 4 + length
