"""Targets: the milter edge, from the bytes of a connection to the end of an envelope."""

import asyncio
import struct
from contextlib import suppress
from functools import cache
from io import StringIO
from ipaddress import ip_address

from relayguard.log import make_logger
from relayguard.milter import protocol
from relayguard.milter.dialogue import Dialogue, Edge
from relayguard.milter.protocol import (
    EDITS,
    Command,
    Edit,
    Negotiation,
    Packet,
    PacketReader,
    Protocol,
    ProtocolError,
    Response,
)
from relayguard.pipeline.connection import Pipeline
from tests.fuzz.rig import Ends, watched_pipeline
from tests.fuzz.target import Target, pieces
from tests.relayguard_plugins.arc.sealing import seal
from tests.relayguard_plugins.dkim.signing import ed25519_key, published, sign, txt

MB = 1024 * 1024
_EDITS = frozenset(edit.value for edit in EDITS)
_ZONE = txt("s1._domainkey.example.com", f"k=ed25519; p={published(ed25519_key())}") + txt(
    "example.com", "v=spf1 include:example.com mx ptr -all"
)


def check_packets(given: bytes) -> None:
    """The packets are the same however the stream is cut, and so is where it breaks; each is written as it was read."""
    packets = _packets([given])
    assert _packets(pieces(given)) == packets
    encoded = [Packet(bytes((command,)), data) for command, data in packets]
    assert given.startswith(b"".join(packet.encode() for packet in encoded))
    for packet in encoded:
        _decode(packet)


def _packets(chunks: list[bytes]) -> list[tuple[int, bytes]]:
    reader = PacketReader()
    found: list[tuple[int, bytes]] = []
    with suppress(ProtocolError):
        for chunk in chunks:
            found += reader.feed(chunk)
    return found


def _decode(packet: Packet) -> None:
    assert protocol.strings(*protocol.split(packet.data)).startswith(packet.data)
    if packet.command in _EDITS:
        with suppress(ProtocolError):
            assert Edit.decode(packet).kind is Response(packet.command)
    with suppress(ProtocolError):
        negotiation = Negotiation.decode(packet.data)
        assert Negotiation.decode(negotiation.encode()) == negotiation
        assert all(isinstance(names, tuple) for names in protocol.macro_lists(packet.data[12:]).values())


def check_conversation(given: bytes) -> None:
    """Whatever an MTA says in whatever order, no filter fails, every envelope that began ends once, and all said is sound."""
    pipeline, ends = _watched()
    ends.forget()
    try:
        log = StringIO()
        said = asyncio.run(_converse(_packets([given]), Edge(pipeline, make_logger("json", "error", log))))
        assert "callback failed" not in log.getvalue()
        assert ends.failures() == []
        assert len(ends.records) == ends.begun
        assert b"".join(Packet(bytes((kind,)), data).encode() for kind, data in _packets([said])) == said
    except BaseException:
        # A filter that failed may not be called any more: the next input must not suffer for it.
        _watched.cache_clear()
        raise


@cache
def _watched() -> tuple[Pipeline, Ends]:
    ends = Ends()
    return watched_pipeline(_ZONE, ends), ends


async def _converse(packets: list[tuple[int, bytes]], edge: Edge) -> bytes:
    said = bytearray()
    dialogue = Dialogue(edge, said.extend)
    try:
        with suppress(ProtocolError):
            if packets:
                dialogue.negotiate(*packets[0])
            await dialogue.take(packets[1:])
    finally:
        await dialogue.close()
    return bytes(said)


def _conversation(message: bytes) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [tuple(line.split(b":", 1)) for line in head.replace(b"\r\n ", b"\n ").split(b"\r\n")]
    packets = [
        Packet(Command.NEGOTIATE.value, Negotiation(6, protocol.ALL_ACTIONS, Protocol.LEADING_SPACE).encode()),
        Packet(Command.MACROS.value, protocol.macros(Command.CONNECT, {"i": b"Q1", "{daemon_name}": b"smtpd"})),
        Packet(Command.CONNECT.value, protocol.connect(b"client.example", ip_address("192.0.2.1"), 25)),
        Packet(Command.HELO.value, protocol.strings(b"client.example")),
        Packet(Command.MAIL.value, protocol.strings(b"<alice@example.com>", b"SIZE=1000", b"SMTPUTF8")),
        Packet(Command.RCPT.value, protocol.strings(b"<bob@example.org>")),
        *(Packet(Command.HEADER.value, protocol.strings(*field)) for field in fields),
        Packet(Command.END_OF_HEADERS.value),
        Packet(Command.BODY.value, body),
        Packet(Command.END_OF_MESSAGE.value),
        Packet(Command.QUIT.value),
    ]
    return b"".join(packet.encode() for packet in packets)


def _framed(*texts: bytes) -> tuple[bytes, ...]:
    return tuple(Packet(text[:1], text[1:]).encode() for text in texts)


_MESSAGE = sign(tags={"a": "ed25519-sha256"}, key=ed25519_key())
_CONVERSATION = _conversation(_MESSAGE)
_FIELDS = (
    b"LFrom\0 a@example.com\0",
    b"LDKIM-Signature\0 v=1; a=b\0",
    b"LAuthentication-Results\0 mx.example.com; a=b\0",
)
_EVENTS = (
    b"Ha.example\0",
    b"M<>\0",
    b"M<a@example.com>\0",
    b"R<b@c>\0",
    b"N",
    b"Bhello\r\n",
    b"E",
    b"A",
    b"Q",
    b"Di\0Q2\0",
)
_LENGTHS = tuple(struct.pack("!I", length) for length in (0, 1, 2, 13, 65536, protocol.MAX_PACKET, 0xFFFFFFFF))
_EDIT_PACKETS = (
    b"i\0\0\0\1X-A\0 b\0",
    b"m\0\0",
    b"h",
    b"bbody\0",
    b"+<a@b>\0",
    b"qwhy\0",
    b"O\0\0\0\6\0\0\1\xff\0\0\0\0",
)

WIRE = (
    Target(
        name="packets",
        check=check_packets,
        cap=MB,
        seeds=(_CONVERSATION, b"".join(_framed(*_EDIT_PACKETS)), Packet(b"O", b"\0" * 12 + b"\0\0\0\2i\0").encode()),
        tokens=(*_framed(*_EDIT_PACKETS), *_LENGTHS, b"\0", b"c", b"y", b"i", b"\xff"),
    ),
    Target(
        name="conversation",
        check=check_conversation,
        cap=MB,
        seeds=(_CONVERSATION, _conversation(seal(_MESSAGE))),
        tokens=(*_framed(*_FIELDS, *_EVENTS), b"\0", b" ", b"\r\n ", b"(", b";", b"a@example.com", b"\xff"),
    ),
)
