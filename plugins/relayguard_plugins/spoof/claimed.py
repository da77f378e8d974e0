"""Whom readers may take for the author where From is not clear: several fields, an address with something behind it.

Who has written a message is said by `read_authors` alone, strictly. But what is not clear deceives no less than what
is, and programs show an author all the same: here each that some program may show is read, tolerantly.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from relayguard import Authors, Header, Headers, Mailbox, Malformed, parse_mailboxes
from relayguard_plugins.spoof.fields import domains_of

_MAX_FIELDS = 6
# So much of a field is looked at, at either end, if it cannot be parsed.
_MAX_VALUE = 4096
_MAX_SQUEEZED = 64 * 1024

_WHITE = re.compile(rb"[ \t\r\n]+")
# What looks like an address. Possessive: what is no address costs no more than its length.
_ADDRESS = re.compile(r"([^\s@<>()\",;:\\]{0,64}+) ?@ ?([^\x00-,/:-@\[-^`{-\x7f]{1,253}+)")


@dataclass(frozen=True, slots=True)
class Claimed:
    """The mailboxes, of several From fields the first of each first, and their domains in A-labels, a few at most."""

    mailboxes: tuple[Mailbox, ...]
    domains: tuple[str, ...]


def claimed_in(headers: Headers, authors: Authors) -> Claimed:
    """Return all whom a reader may take for the author. Never raises; bounded.

    >>> from relayguard import read_authors
    >>> headers = Headers.of(("From", b" Boss <boss@example.com> x"))
    >>> claimed_in(headers, read_authors(headers)).domains
    ('example.com',)
    """
    if authors.ambiguity is None:
        return Claimed(authors.mailboxes, authors.domains)
    read = [_mailboxes_in(field.value) for field in from_fields(headers)]
    mailboxes = tuple(mailbox for row in zip_longest(*read) for mailbox in row if mailbox is not None)
    return Claimed(mailboxes, tuple(dict.fromkeys(domains_of(mailboxes))))


def from_fields(headers: Headers) -> Sequence[Header]:
    """Return the From fields that readers may show: of many, those at either end."""
    fields = headers.by_name.get("from", ())
    if len(fields) <= _MAX_FIELDS:
        return fields
    return (*fields[: _MAX_FIELDS // 2], *fields[-_MAX_FIELDS // 2 :])


def _mailboxes_in(value: bytes) -> tuple[Mailbox, ...]:
    try:
        return parse_mailboxes(value)
    except Malformed:
        return tuple(_spotted_in(value))


def _spotted_in(value: bytes) -> Iterator[Mailbox]:
    """Yield what looks like an address, with what stands before it as its name."""
    text = _WHITE.sub(b" ", value[:_MAX_SQUEEZED]).decode("utf-8", "replace")
    if len(text) > 2 * _MAX_VALUE:
        head = text[:_MAX_VALUE]
        # What is cut in the middle is another domain.
        text = f"{head[: max(map(head.rfind, ' ,;<>'))]} {text[-_MAX_VALUE:]}"
    end = 0
    for found in _ADDRESS.finditer(text):
        name = text[end : found.start()].strip(' <>",;')
        yield Mailbox(name, found[1], found[2].rstrip("."))
        end = found.end()
