"""Turns a DNS message into an answer: follows CNAMEs, finds how long it holds."""

from collections.abc import Callable
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from relayguard.services import Answer, MailExchange, Question, RecordType, Status

TTL_MIN, TTL_MAX = 30, 3600
NEGATIVE_MAX = 300
FAILURE_TTL = 10
"""Seconds. SERVFAIL is held this long: a broken zone must not be asked by every message."""


def read(question: Question, message: dns.message.Message, now: float) -> Answer:
    """Return what `message` says to `question`; `now` is the resolver's clock. Never raises for a bad message."""
    code = message.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return failure(dns.rcode.to_text(code), now)
    try:
        assert isinstance(message, dns.message.QueryMessage)  # what a query is answered by
        chain = message.resolve_chaining()
    except (dns.exception.DNSException, AssertionError) as error:
        return failure(f"unusable answer: {type(error).__name__}", now)
    if chain.answer is None:
        # RFC 2308 §2.1: of a chain of aliases, it is the last target that does not exist; the name itself has a record.
        status = Status.NXDOMAIN if code == dns.rcode.NXDOMAIN and not chain.cnames else Status.NODATA
        return Answer(status=status, expires=now + _negative_ttl(message))
    if chain.answer.rdtype != dns.rdatatype.from_text(question.type):
        return failure("answer to another question", now)
    ttl = min(max(chain.minimum_ttl, TTL_MIN), TTL_MAX)
    return _READERS[question.type](list(chain.answer), now + ttl)


def failure(reason: str, now: float) -> Answer:
    """Return the answer that says that nothing is known."""
    return Answer(status=Status.TEMPERROR, reason=reason, expires=now + FAILURE_TTL)


def negative_ttl(ttl: int, minimum: int) -> int:
    """Return how long a negative answer holds: by RFC 2308 §5 the lesser of the SOA's own TTL and its minimum field."""
    return min(max(min(ttl, minimum), 1), NEGATIVE_MAX)


def _negative_ttl(message: dns.message.Message) -> int:
    for rrset in message.authority:
        for record in rrset:
            if isinstance(record, dns.rdtypes.ANY.SOA.SOA):
                return negative_ttl(rrset.ttl, record.minimum)
    return TTL_MIN


def _name(target: Any) -> str:
    return str(target.to_text(omit_final_dot=True)).lower()


def _texts(records: list[Any], expires: float) -> Answer:
    texts = tuple(b"".join(record.strings) for record in records)
    return Answer(status=Status.FOUND, texts=texts, expires=expires)


def _addresses(records: list[Any], expires: float) -> Answer:
    return Answer(status=Status.FOUND, hosts=tuple(record.address for record in records), expires=expires)


def _names(records: list[Any], expires: float) -> Answer:
    return Answer(status=Status.FOUND, hosts=tuple(_name(record.target) for record in records), expires=expires)


def _exchanges(records: list[Any], expires: float) -> Answer:
    found = sorted(MailExchange(record.preference, _name(record.exchange)) for record in records)
    return Answer(status=Status.FOUND, exchanges=tuple(found), expires=expires)


_READERS: dict[RecordType, Callable[[list[Any], float], Answer]] = {
    RecordType.A: _addresses,
    RecordType.AAAA: _addresses,
    RecordType.MX: _exchanges,
    RecordType.PTR: _names,
    RecordType.TXT: _texts,
}
