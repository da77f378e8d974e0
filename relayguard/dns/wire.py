"""Reads a response as it came from the wire: the plain ones here, any other with dnspython, at ten times the cost.

Plain is a response with nothing in it but what our questions are answered with, each record of it sound to the last
octet. What is in any way unusual is not judged here, so that there is one opinion on it: dnspython's.
"""

import re
import socket
from collections.abc import Callable, Iterable
from struct import Struct, error
from typing import Any, NamedTuple

import dns.message

from relayguard.dns.reading import TTL_MAX, TTL_MIN, negative_ttl, read
from relayguard.services import Answer, MailExchange, Question, RecordType, Status

_HEADER = Struct("!2x5H")
_QUESTION = Struct("!2H")
_RECORD = Struct("!2HIH")
_SOA_TAIL = Struct("!16xI")
_PREFERENCE = Struct("!H")

_A, _NS, _CNAME, _SOA, _PTR, _MX, _TXT, _AAAA = 1, 2, 5, 6, 12, 15, 16, 28
_INTERNET = 1
_NXDOMAIN = 3
_NUMBERS = {
    RecordType.A: _A,
    RecordType.AAAA: _AAAA,
    RecordType.MX: _MX,
    RecordType.PTR: _PTR,
    RecordType.TXT: _TXT,
}

_FIRST = 12
"""Where the name in the question begins."""
_TO_FIRST = b"\xc0\x0c"
"""A pointer there: the owner of nearly all records (RFC 1035 §4.1.4)."""

# RFC 6891 §6.1.2: no options, and nothing added to the rcode; what the payload and the flags say is not for us.
_OPT = re.compile(rb"\0\0\x29..\0\0..\0\0", re.DOTALL)

# What a zone file writes without an escape.
_NAME = re.compile(rb"[^\0-\x20\"$();@\\\x7f-\xff]*")
_MAX_NAME = 253
_MAX_POINTERS = 16
_MAX_STEPS = 128 + _MAX_POINTERS
"""RFC 1035 §2.3.4: 127 labels at most, and their end; and a few pointers between them."""
_MAX_ALIASES = 8


class _Unusual(Exception):
    """Not plain."""


class _Record(NamedTuple):
    owner: str
    type: int
    ttl: int
    value: Any


def read_wire(question: Question, wire: bytes, now: float) -> Answer:
    """Return what `wire`, a response, says to `question`; raises DNSException if nobody can read it."""
    answer = read_plain(question, wire, now)
    return read(question, dns.message.from_wire(wire), now) if answer is None else answer


def read_plain(question: Question, wire: bytes, now: float) -> Answer | None:
    """Return the same if `wire` is plain, None if it is not."""
    try:
        return _read(question, wire, now)
    except (_Unusual, IndexError, error):
        return None


def _read(question: Question, wire: bytes, now: float) -> Answer:
    flags, asked, *counts = _HEADER.unpack_from(wire)
    # A response to a query, not truncated, that says that there is a name, or none.
    _demand(asked == 1 and flags & 0xFA0F in (0x8000, 0x8000 | _NXDOMAIN))
    labels, at = _labels(wire, _FIRST, len(wire))
    name = _text(labels)
    number = _NUMBERS[question.type]
    _demand(_QUESTION.unpack_from(wire, at) == (number, _INTERNET))
    answers, at = _records(wire, at + _QUESTION.size, counts[0], name)
    authority, at = _records(wire, at, counts[1], name)
    _demand(_end(wire, at, counts[2], name) == len(wire))
    found, ttl, aliased = _followed(name, number, answers)
    exists = flags & _NXDOMAIN == 0
    if found:
        _demand(exists)
        return _FOUND[question.type](found, now + min(max(ttl, TTL_MIN), TTL_MAX))
    # RFC 2308 §2.1: of a chain of aliases, it is the last target that does not exist; the name itself has a record.
    return Answer(status=Status.NODATA if exists or aliased else Status.NXDOMAIN, expires=now + _negative(authority))


def _demand(plain: bool) -> None:  # noqa: FBT001
    if not plain:
        raise _Unusual


def _records(wire: bytes, at: int, count: int, name: str) -> tuple[list[_Record], int]:
    records = []
    for _ in range(count):
        record, at = _record(wire, at, name)
        records.append(record)
    return records, at


def _record(wire: bytes, at: int, name: str) -> tuple[_Record, int]:
    if wire[at : at + 2] == _TO_FIRST:
        owner, at = name, at + 2
    else:
        labels, at = _labels(wire, at, len(wire))
        owner = _text(labels)
    number, class_, ttl, length = _RECORD.unpack_from(wire, at)
    at += _RECORD.size
    end = at + length
    reader = _VALUES.get(number)
    if class_ != _INTERNET or end > len(wire) or reader is None:
        raise _Unusual
    # RFC 2181 §8: a TTL with the highest bit set is zero.
    return _Record(owner, number, ttl if ttl < 1 << 31 else 0, reader(wire, at, end)), end


def _end(wire: bytes, at: int, count: int, name: str) -> int:
    """Return where the additional records end: nothing in them is for us but that EDNS adds nothing to the rcode."""
    with_edns = False
    for _ in range(count):
        edns = _OPT.match(wire, at)
        if edns is None:
            at = _record(wire, at, name)[1]
        else:
            _demand(not with_edns)
            with_edns, at = True, edns.end()
    return at


def _followed(name: str, number: int, records: list[_Record]) -> tuple[list[Any], int, bool]:
    """Return the values at the end of the aliases, the lowest TTL on the way, and whether there are aliases."""
    ttls: list[int] = [TTL_MAX]
    for step in range(_MAX_ALIASES):
        found = [record for record in records if record.owner == name and record.type == number]
        aliases = [record for record in records if record.owner == name and record.type == _CNAME]
        ttls += [record.ttl for record in found or aliases]
        if found or not aliases:
            values = [record.value for record in found]
            _demand(len(set(values)) == len(values))
            return values, min(ttls), step > 0
        _demand(len(aliases) == 1)
        name = aliases[0].value
    raise _Unusual


def _negative(authority: list[_Record]) -> int:
    soas = [record for record in authority if record.type == _SOA]
    _demand(len(soas) < 2)
    return negative_ttl(soas[0].ttl, soas[0].value) if soas else TTL_MIN


def _labels(wire: bytes, at: int, end: int) -> tuple[list[bytes], int]:
    """Return the labels of the name at `at`, and where it ends: before `end`."""
    labels: list[bytes] = []
    start, after, hops = at, 0, 0
    for _ in range(_MAX_STEPS):
        if at >= end:
            raise _Unusual
        length = wire[at]
        at += 1
        if not length:
            return labels, after or at
        if length < 0x40:
            labels.append(wire[at : at + length])
            at += length
        else:
            if length < 0xC0 or at >= end:
                raise _Unusual
            after = after or at + 1
            at = (length & 0x3F) << 8 | wire[at]
            # RFC 1035 §4.1.4: a pointer is to a prior name. Each goes further back, and what it leads to ends before
            # the last began: there are no loops.
            hops += 1
            if at >= start or hops > _MAX_POINTERS:
                raise _Unusual
            start, end = at, start
    raise _Unusual


def _joined(labels: list[bytes]) -> bytes:
    joined = b".".join(labels)
    _demand(len(joined) <= _MAX_NAME)
    return joined


def _text(labels: list[bytes]) -> str:
    joined = _joined(labels)
    _demand(joined.count(b".") == max(len(labels) - 1, 0) and _NAME.fullmatch(joined) is not None)
    return joined.decode("ascii").lower() or "."


def _host(wire: bytes, at: int, end: int) -> str:
    labels, after = _labels(wire, at, end)
    _demand(after == end)
    return _text(labels)


def _exchange(wire: bytes, at: int, end: int) -> MailExchange:
    _demand(end - at > _PREFERENCE.size)
    (preference,) = _PREFERENCE.unpack_from(wire, at)
    return MailExchange(preference, _host(wire, at + _PREFERENCE.size, end))


def _strings(wire: bytes, at: int, end: int) -> tuple[bytes, ...]:
    strings = []
    while at < end:
        start, at = at + 1, at + 1 + wire[at]
        strings.append(wire[start:at])
    _demand(at == end and bool(strings))
    return tuple(strings)


def _minimum(wire: bytes, at: int, end: int) -> int:
    for _ in range(2):
        labels, at = _labels(wire, at, end)
        _joined(labels)
    _demand(end - at == _SOA_TAIL.size)
    minimum: int = _SOA_TAIL.unpack_from(wire, at)[0]
    return minimum


def _address4(wire: bytes, at: int, end: int) -> str:
    _demand(end - at == 4)
    return socket.inet_ntop(socket.AF_INET, wire[at:end])


def _address6(wire: bytes, at: int, end: int) -> str:
    _demand(end - at == 16)
    return socket.inet_ntop(socket.AF_INET6, wire[at:end])


_VALUES: dict[int, Callable[[bytes, int, int], Any]] = {
    _A: _address4,
    _AAAA: _address6,
    _CNAME: _host,
    _MX: _exchange,
    _NS: _host,
    _PTR: _host,
    _SOA: _minimum,
    _TXT: _strings,
}


def _hosts(values: Iterable[str], expires: float) -> Answer:
    return Answer(status=Status.FOUND, hosts=tuple(values), expires=expires)


def _exchanges(values: Iterable[MailExchange], expires: float) -> Answer:
    return Answer(status=Status.FOUND, exchanges=tuple(sorted(values)), expires=expires)


def _texts(values: Iterable[tuple[bytes, ...]], expires: float) -> Answer:
    return Answer(status=Status.FOUND, texts=tuple(map(b"".join, values)), expires=expires)


_FOUND: dict[RecordType, Callable[[list[Any], float], Answer]] = {
    RecordType.A: _hosts,
    RecordType.AAAA: _hosts,
    RecordType.MX: _exchanges,
    RecordType.PTR: _hosts,
    RecordType.TXT: _texts,
}
