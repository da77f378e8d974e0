"""What rules can be about: each fact of a client or an envelope, when it is known, and how it is read."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from hashlib import sha256
from ipaddress import ip_network
from typing import NamedTuple

from relayguard import NULL_SENDER, Address, Envelope, Headers, IpAddress, Session, Stage, lies_under, read_authors
from relayguard_plugins.dkim.signature import signing_domain
from relayguard_plugins.dkim.values import SignatureError, read_base64

MAX_VALUE = 200
"""A longer value is cut, and told apart by a hash."""

MAX_SIGNATURES = 10
"""Those of the author's domain first: who replays a message may put others on top of the one that counts."""

_SEEN = 50
_SIGNATURE = re.compile(rb"(?:\A|;)[ \t\r\n]*+b[ \t\r\n]*+=([^;]*+)")
_MAX_SIGNATURE = 8192
_UNSAFE = re.compile(r"[^\x21-\x7e]")


class Fact(StrEnum):
    """A fact that a key can be made of."""

    CLIENT = "client"
    NETWORK = "network"
    LISTENER = "listener"
    ROLE = "role"
    LOGIN = "login"
    SENDER = "sender"
    SENDER_DOMAIN = "sender_domain"
    RECIPIENT = "recipient"
    RECIPIENT_DOMAIN = "recipient_domain"
    AUTHOR_DOMAIN = "author_domain"
    DKIM_SIGNATURE = "dkim_signature"


KNOWN_AT: dict[Fact, Stage] = {
    Fact.CLIENT: Stage.CONNECT,
    Fact.NETWORK: Stage.CONNECT,
    Fact.LISTENER: Stage.CONNECT,
    Fact.ROLE: Stage.MAIL_FROM,
    Fact.LOGIN: Stage.MAIL_FROM,
    Fact.SENDER: Stage.MAIL_FROM,
    Fact.SENDER_DOMAIN: Stage.MAIL_FROM,
    Fact.RECIPIENT: Stage.RCPT_TO,
    Fact.RECIPIENT_DOMAIN: Stage.RCPT_TO,
    Fact.AUTHOR_DOMAIN: Stage.END_OF_HEADERS,
    Fact.DKIM_SIGNATURE: Stage.END_OF_HEADERS,
}


class Known(NamedTuple):
    """All that is known at a stage."""

    session: Session
    envelope: Envelope | None = None
    recipient: Address = NULL_SENDER
    headers: Headers | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How facts are read: how much of an IP address is its network's, and what parts a subaddress from a mailbox."""

    ipv4: int = 24
    ipv6: int = 64
    delimiter: str = "+"


Reader = Callable[[Known], Sequence[str]]
"""Returns the values of a fact: none where there is none, several only where it has several."""


def reader_of(fact: Fact, reading: Reading) -> Reader:
    """Return what reads `fact`."""
    if fact is Fact.NETWORK:
        # A client sends many messages, and has many recipients.
        network = lru_cache(maxsize=1024)(partial(_network, reading=reading))
        return lambda known: network(known.session.client_address)
    if fact is Fact.SENDER:
        return lambda known: mailbox(known.envelope.sender, reading.delimiter) if known.envelope is not None else ()
    if fact is Fact.RECIPIENT:
        return lambda known: mailbox(known.recipient, reading.delimiter)
    return _READERS[fact]


def mailbox(address: Address, delimiter: str) -> Sequence[str]:
    """Return the mailbox of an address, however it is written; of one with a defect what stands there. None for ``<>``.

    >>> mailbox(parse_path(b'<"Bob+x"@Example.com>'), "+")
    ('bob@example.com',)
    """
    if address.is_null:
        return ()
    if not address.local or not address.domain:
        # An MTA may deliver it all the same: it must not go uncounted.
        return (shown(address.raw.decode("utf-8", "replace").casefold()),)
    local = address.local
    if local.startswith('"'):
        local = _ESCAPED.sub(r"\1", local[1:-1])
    if delimiter:
        local = local.partition(delimiter)[0] or local
    return (shown(f"{local}@{address.domain}".casefold()),)


_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def unmapped(address: IpAddress | None) -> IpAddress | None:
    """Return the address, as IPv4 where it is that in the dress of IPv6 (RFC 4291 §2.5.5.2)."""
    return (address.ipv4_mapped or address) if address is not None and address.version == 6 else address


def _client(known: Known) -> Sequence[str]:
    address = unmapped(known.session.client_address)
    return (str(address),) if address is not None else ()


def _network(client: IpAddress | None, *, reading: Reading) -> Sequence[str]:
    address = unmapped(client)
    if address is None:
        return ()
    prefix = reading.ipv4 if address.version == 4 else reading.ipv6
    return (str(ip_network((address, prefix), strict=False)),)


def _login(known: Known) -> Sequence[str]:
    # Many servers take a login in any case: it must not have a counter for each way to write it.
    login = known.envelope.login if known.envelope is not None else None
    return (shown(login.casefold()),) if login else ()


def _sender_domain(known: Known) -> Sequence[str]:
    return _domain(known.envelope.sender) if known.envelope is not None else ()


def _domain(address: Address) -> Sequence[str]:
    if address.is_null:
        return ()
    domain = address.domain or address.raw.rpartition(b"@")[2].decode("utf-8", "replace").casefold()
    return (shown(domain),)


def _author_domain(known: Known) -> Sequence[str]:
    domain = read_authors(known.headers).domain if known.headers is not None else None
    return (domain,) if domain is not None else ()


def _dkim_signatures(known: Known) -> Sequence[str]:
    if known.headers is None:
        return ()
    fields = known.headers.all("DKIM-Signature")[:_SEEN]
    author = read_authors(known.headers).domain
    if author is not None and len(fields) > MAX_SIGNATURES:
        fields = tuple(sorted(fields, key=lambda field: not _belongs(signing_domain(field), author)))
    return tuple(dict.fromkeys(_hashes(field.value for field in fields[:MAX_SIGNATURES])))


def _belongs(domain: str, author: str) -> bool:
    return bool(domain) and (lies_under(author, domain) or lies_under(domain, author))


def _hashes(values: Iterable[bytes]) -> Iterable[str]:
    for value in values:
        found = _SIGNATURE.search(value[:_MAX_SIGNATURE])
        try:
            # What is no signature cannot pass; what is one can be written in several ways.
            signature = read_base64(found[1], "b") if found else b""
        except SignatureError:
            continue
        if signature:
            yield sha256(signature).hexdigest()[:32]


_READERS: dict[Fact, Reader] = {
    Fact.CLIENT: _client,
    Fact.LISTENER: lambda known: (known.session.listener,),
    Fact.ROLE: lambda known: (known.envelope.role.value,) if known.envelope is not None else (),
    Fact.LOGIN: _login,
    Fact.SENDER_DOMAIN: _sender_domain,
    Fact.RECIPIENT_DOMAIN: lambda known: _domain(known.recipient),
    Fact.AUTHOR_DOMAIN: _author_domain,
    Fact.DKIM_SIGNATURE: _dkim_signatures,
}


def shown(value: str) -> str:
    """Return `value` as it stands in a key: printable, without spaces, not long, and never that of another value.

    >>> shown("a b@example.com")
    'a?b@example.com#c07e5ee5d4ae4a36'
    """
    if len(value) <= MAX_VALUE and not _UNSAFE.search(value) and "#" not in value:
        return value
    digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_UNSAFE.sub('?', value[:MAX_VALUE])}#{digest}"
