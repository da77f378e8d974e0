"""One question to one nameserver over UDP: dnspython's own transport costs twice as much."""

import asyncio
import os
import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import dns.exception
import dns.inet
import dns.rcode
import dns.rdatatype

from relayguard.dns.wire import read_wire
from relayguard.services import Answer, Question, RecordType

T = TypeVar("T")

EDNS_PAYLOAD = 1232

_HEAD = b"\x01\x20\0\x01\0\0\0\0\0\x01"
"""RD and AD; how many of each section follow."""
_TYPES = {kind: dns.rdatatype.from_text(kind).to_bytes(2, "big") + b"\0\x01" for kind in RecordType}
"""Each with the class of the internet."""
_OPT = b"\0\0\x29" + EDNS_PAYLOAD.to_bytes(2, "big") + bytes(6)
_HEADER = 12
_ERRORS = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})
_MAX_DATAGRAM = 65535


class Truncated(Exception):
    """The answer does not fit: it must be asked for over TCP."""


class Query:
    """A question on the wire, with an id that cannot be guessed."""

    def __init__(self, name: bytes, question: Question) -> None:
        self._asked = question
        self._id = os.urandom(2)
        self._question = name + _TYPES[question.type]
        self._folded = self._question.lower()

    def to_wire(self) -> bytes:
        """Return the message to be sent."""
        return b"".join((self._id, _HEAD, self._question, _OPT))

    def read(self, response: bytes, now: float) -> Answer | None:
        """Return what the response says, None if it is none to this question; raises Truncated.

        Anybody may have sent it. `now` is the resolver's clock.
        """
        if not self._is_answered_by(response):
            return None
        if response[2] & 0x02:
            raise Truncated
        try:
            return read_wire(self._asked, response, now)
        except dns.exception.DNSException:
            return None

    def _is_answered_by(self, response: bytes) -> bool:
        # RFC 5452 §9.1. Of the first flags, QR must be set, and the opcode be that of a query.
        if len(response) < _HEADER or response[:2] != self._id or response[2] & 0xF8 != 0x80:
            return False
        count = response[4:6]
        if count == b"\0\x01":
            # No letter of a length or a type is one: only the case of names is folded.
            return response[_HEADER : _HEADER + len(self._folded)].lower() == self._folded
        return count == b"\0\0" and response[3] & 0x0F in _ERRORS


async def ask(wire: bytes, host: str, port: int, seconds: float, read: Callable[[bytes], T | None]) -> T:
    """Send `wire`, and return what `read` makes of the first response that it accepts.

    Raises TimeoutError after `seconds`, OSError and what `read` raises. The socket is for this question alone, so that its port
    cannot be guessed, and connected, so that the kernel drops what comes from elsewhere.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()
    family, address = _address(host, port)
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.settimeout(0)
        opened.connect(address)
        opened.send(wire)
        # By its number: for a socket the selector would write out what it is.
        number = opened.fileno()
        loop.add_reader(number, _receive, opened, found, read)
        timer = loop.call_later(seconds, _fail, found, TimeoutError())
        try:
            return await found
        finally:
            timer.cancel()
            loop.remove_reader(number)


@lru_cache(maxsize=64)
def _address(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    return dns.inet.af_for_address(host), dns.inet.low_level_address_tuple((host, port))


def _receive(opened: socket.socket, found: asyncio.Future[T], read: Callable[[bytes], T | None]) -> None:
    try:
        response = read(opened.recv(_MAX_DATAGRAM))
    except BlockingIOError:
        return
    except (OSError, Truncated) as error:
        _fail(found, error)
        return
    if response is not None and not found.done():
        found.set_result(response)


def _fail(found: asyncio.Future[T], error: Exception) -> None:
    if not found.done():
        found.set_exception(error)
