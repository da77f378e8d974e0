"""The milter protocol without I/O: packets, and both sides' messages (libmilter's mfdef.h, version 6).

A packet is a length of four octets, a command of one, and data. Nothing here trusts the peer.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntFlag
from ipaddress import IPv4Address, IPv6Address, ip_address

VERSION = 6
MAX_PACKET = 1024 * 1024
"""libmilter itself sends body chunks of 64 KB; a longer packet than this is an attack."""
MAX_CHUNK = 65535

_HEAD = struct.Struct("!IB")
_HEAD_BYTES = 5


class Command(Enum):
    """What an MTA sends."""

    NEGOTIATE = b"O"
    MACROS = b"D"
    CONNECT = b"C"
    HELO = b"H"
    MAIL = b"M"
    RCPT = b"R"
    DATA = b"T"
    HEADER = b"L"
    END_OF_HEADERS = b"N"
    BODY = b"B"
    END_OF_MESSAGE = b"E"
    ABORT = b"A"
    UNKNOWN = b"U"
    QUIT = b"Q"
    QUIT_AND_REUSE = b"K"
    """The client has gone, and the next one is reported over the same connection."""


class Response(Enum):
    """What a milter sends."""

    NEGOTIATE = b"O"
    CONTINUE = b"c"
    ACCEPT = b"a"
    REJECT = b"r"
    DEFER = b"t"
    DISCARD = b"d"
    SKIP = b"s"
    REPLY = b"y"
    PROGRESS = b"p"
    ADD_HEADER = b"h"
    INSERT_HEADER = b"i"
    CHANGE_HEADER = b"m"
    REPLACE_BODY = b"b"
    ADD_RECIPIENT = b"+"
    ADD_RECIPIENT_WITH_PARAMETERS = b"2"
    DELETE_RECIPIENT = b"-"
    CHANGE_SENDER = b"e"
    QUARANTINE = b"q"
    SHUTDOWN = b"4"


EDITS = frozenset(
    {
        Response.ADD_HEADER,
        Response.INSERT_HEADER,
        Response.CHANGE_HEADER,
        Response.REPLACE_BODY,
        Response.ADD_RECIPIENT,
        Response.ADD_RECIPIENT_WITH_PARAMETERS,
        Response.DELETE_RECIPIENT,
        Response.CHANGE_SENDER,
        Response.QUARANTINE,
    }
)
"""Responses that come before the final one of an end of message."""


class Protocol(IntFlag):
    """What is left out of the conversation: ``NO_X`` is never sent, ``NR_X`` is never answered."""

    NO_CONNECT = 0x1
    NO_HELO = 0x2
    NO_MAIL = 0x4
    NO_RCPT = 0x8
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_END_OF_HEADERS = 0x40
    NR_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    REJECTED_RCPT = 0x800
    NR_CONNECT = 0x1000
    NR_HELO = 0x2000
    NR_MAIL = 0x4000
    NR_RCPT = 0x8000
    NR_DATA = 0x10000
    NR_UNKNOWN = 0x20000
    NR_END_OF_HEADERS = 0x40000
    NR_BODY = 0x80000
    LEADING_SPACE = 0x100000


class Action(IntFlag):
    """What a milter may do with a message."""

    ADD_HEADERS = 0x1
    CHANGE_BODY = 0x2
    ADD_RECIPIENTS = 0x4
    DELETE_RECIPIENTS = 0x8
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_WITH_PARAMETERS = 0x80
    CHOOSE_MACROS = 0x100


PassOver = Callable[[bytes, int], int]
"""Told where in some bytes a packet begins, returns where the first begins that is to be cut out."""

ALL_ACTIONS = 0x1FF
ALL_PROTOCOL = 0x1FFFFF

NEVER_SENT: Mapping[Command, Protocol] = {
    Command.CONNECT: Protocol.NO_CONNECT,
    Command.HELO: Protocol.NO_HELO,
    Command.MAIL: Protocol.NO_MAIL,
    Command.RCPT: Protocol.NO_RCPT,
    Command.DATA: Protocol.NO_DATA,
    Command.HEADER: Protocol.NO_HEADERS,
    Command.END_OF_HEADERS: Protocol.NO_END_OF_HEADERS,
    Command.BODY: Protocol.NO_BODY,
    Command.UNKNOWN: Protocol.NO_UNKNOWN,
}
NEVER_ANSWERED: Mapping[Command, Protocol] = {
    Command.CONNECT: Protocol.NR_CONNECT,
    Command.HELO: Protocol.NR_HELO,
    Command.MAIL: Protocol.NR_MAIL,
    Command.RCPT: Protocol.NR_RCPT,
    Command.DATA: Protocol.NR_DATA,
    Command.HEADER: Protocol.NR_HEADER,
    Command.END_OF_HEADERS: Protocol.NR_END_OF_HEADERS,
    Command.BODY: Protocol.NR_BODY,
    Command.UNKNOWN: Protocol.NR_UNKNOWN,
}


class ProtocolError(Exception):
    """The peer sent what it must not; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet."""

    command: bytes
    data: bytes = b""

    def encode(self) -> bytes:
        """Return the packet as it goes over the wire."""
        return struct.pack("!I", len(self.data) + 1) + self.command + self.data


@dataclass(frozen=True, slots=True)
class Edit:
    """One change that the milter asks for; `index` is that of a header field, where the kind has one."""

    kind: Response
    texts: tuple[bytes, ...]
    index: int = 0

    @classmethod
    def decode(cls, packet: Packet) -> "Edit":
        """Read an edit; raises ProtocolError."""
        kind = next((each for each in EDITS if each.value == packet.command), None)
        data, index = packet.data, 0
        if kind is None:
            raise ProtocolError("not an edit")
        if kind is Response.REPLACE_BODY:
            return cls(kind, (data,))
        if kind in (Response.INSERT_HEADER, Response.CHANGE_HEADER):
            if len(data) < 4:
                raise ProtocolError("header edit too short")
            (index,) = struct.unpack_from("!I", data)
            data = data[4:]
        return cls(kind, tuple(split(data)), index)


@dataclass(frozen=True, slots=True)
class Negotiation:
    """Version, actions and protocol bits, as one side offers or the other takes them."""

    version: int
    actions: int
    protocol: Protocol

    def encode(self) -> bytes:
        """Return the data of a negotiation packet."""
        return struct.pack("!III", self.version, self.actions, self.protocol)

    @classmethod
    def decode(cls, data: bytes) -> "Negotiation":
        """Read the data of a negotiation packet; the macro lists that may follow are left alone."""
        if len(data) < 12:
            raise ProtocolError("negotiation too short")
        version, actions, protocol = struct.unpack("!III", data[:12])
        return cls(version, actions, Protocol(protocol & ALL_PROTOCOL))


class PacketReader:
    r"""Cuts a byte stream into packets, each a command and its data.

    >>> reader = PacketReader()
    >>> reader.feed(b"\0\0\0")
    []
    >>> reader.feed(b"\1c")
    [(99, b'')]
    """

    __slots__ = ("_rest", "_wanted")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = _HEAD_BYTES

    @property
    def held(self) -> int:
        """How much there is of a packet that is not complete, in octets."""
        return len(self._rest)

    def feed(self, data: bytes | memoryview, pass_over: PassOver | None = None) -> list[tuple[int, bytes]]:
        """Take more bytes; return the packets that are complete. Raises ProtocolError for a length that cannot be.

        What comes next may be left out by `pass_over`.
        """
        packets: list[tuple[int, bytes]] = []
        position, end = self._complete(data, packets) if self._rest else 0, len(data)
        if pass_over is not None and all(pass_over(_joined(*packet), 0) for packet in packets):
            data = bytes(data)
            packets, position = [], pass_over(data, position)
        unpack, take = _HEAD.unpack_from, packets.append
        while end - position >= _HEAD_BYTES:
            length, command = unpack(data, position)
            if not 0 < length <= MAX_PACKET:
                if packets:
                    # What came before it counts; the next call complains.
                    break
                raise ProtocolError(f"packet of {length} bytes")
            after = position + 4 + length
            if after > end:
                self._wanted = 4 + length
                break
            take((command, bytes(data[position + 5 : after])))
            position = after
        else:
            self._wanted = _HEAD_BYTES
        if position < end:
            self._rest += data[position:]
        return packets

    def _complete(self, data: bytes | memoryview, packets: list[tuple[int, bytes]]) -> int:
        """Complete the packet that has begun, with no more of the bytes than it takes; return how many."""
        position = 0
        while position < len(data):
            missing = max(self._wanted - len(self._rest), 0)
            self._rest += data[position : position + missing]
            position = min(position + missing, len(data))
            if len(self._rest) < self._wanted:
                break
            length, command = _HEAD.unpack_from(self._rest)
            if not 0 < length <= MAX_PACKET:
                raise ProtocolError(f"packet of {length} bytes")
            if len(self._rest) < 4 + length:
                self._wanted = 4 + length
                continue
            packets.append((command, bytes(self._rest[5:])))
            self._rest.clear()
            self._wanted = _HEAD_BYTES
            break
        return position


def _joined(command: int, data: bytes) -> bytes:
    return _HEAD.pack(len(data) + 1, command) + data


def connect(host: bytes, address: IPv4Address | IPv6Address | None, port: int) -> bytes:
    """Return the data of a CONNECT packet; no address is family unknown."""
    if address is None:
        return host + b"\0U"
    family = b"4" if isinstance(address, IPv4Address) else b"6"
    prefix = b"" if isinstance(address, IPv4Address) else b"IPv6:"
    return host + b"\0" + family + struct.pack("!H", port) + prefix + str(address).encode() + b"\0"


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read the address in a CONNECT packet or a macro, without its scope; None if it is none."""
    try:
        return ip_address(text.removeprefix("IPv6:").partition("%")[0])
    except ValueError:
        return None


def strings(*texts: bytes) -> bytes:
    """Return texts as the protocol wants them, each ended by NUL."""
    return b"".join(text + b"\0" for text in texts)


def macros(command: Command, values: Mapping[str, bytes]) -> bytes:
    """Return the data of a MACROS packet for the command that follows it."""
    return command.value + b"".join(strings(name.encode(), value) for name, value in values.items())


def macro_list(stage: int, names: Iterable[str]) -> bytes:
    """Return how a milter asks for macros at a stage, as it follows its negotiation."""
    return struct.pack("!I", stage) + strings(" ".join(names).encode())


def macro_lists(data: bytes) -> dict[int, tuple[str, ...]]:
    """Read the macro lists that follow a milter's negotiation: the macros it wants, by number of the stage."""
    lists: dict[int, tuple[str, ...]] = {}
    while len(data) > 4:
        (stage,) = struct.unpack_from("!I", data)
        names, nul, data = data[4:].partition(b"\0")
        if not nul:
            raise ProtocolError("macro list does not end")
        lists[stage] = tuple(names.decode("ascii", "replace").split())
    return lists


def split(data: bytes) -> list[bytes]:
    """Return the NUL-ended texts in a packet's data."""
    return data.removesuffix(b"\0").split(b"\0")
