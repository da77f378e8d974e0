"""Who wrote a message: the From field, read on bytes, strictly; ambiguity is reported, never resolved.

Python's own address parser gives different answers in different versions, and picks a side where two
readers could disagree. What is signed, shown and judged must be the same domain (RFC 9989 §11.5).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from relayguard.core.domain import to_a_labels
from relayguard.core.headers import Headers
from relayguard.core.mailboxes import MAX_BYTES, Mailbox, Malformed, parse_mailboxes

MAX_DOMAINS = 4
"""RFC 9989 §11.5 wants a bound on the author domains of one message that may be evaluated."""


class Ambiguity(StrEnum):
    """Why there is no single author domain."""

    MISSING = "no From field"
    SEVERAL_FIELDS = "several From fields"
    SEVERAL_DOMAINS = "authors of several domains"
    TOO_MANY_DOMAINS = "authors of too many domains"
    NO_DOMAIN = "no author domain"
    MALFORMED = "malformed From field"
    TOO_LARGE = "From field or header block too large"


@dataclass(frozen=True, slots=True)
class Authors:
    """What the From field says.

    `domain` is the single author domain in A-labels, None if `ambiguity` says why not. `domains` are all of them,
    in order, if they are no more than `MAX_DOMAINS`.
    """

    mailboxes: tuple[Mailbox, ...] = ()
    domain: str | None = None
    domains: tuple[str, ...] = ()
    ambiguity: Ambiguity | None = None
    detail: str | None = None


def read_authors(headers: Headers) -> Authors:
    """Read the author of a message (RFC 5322 §3.6.2, RFC 9989 §5.3.1). Never raises; linear in the field's size.

    >>> read_authors(Headers.of(("From", b" Bob <bob@example.com>"))).domain
    'example.com'
    """
    fields = headers.by_name.get("from", ())
    if headers.complete and len(fields) == 1 and len(fields[0].value) <= MAX_BYTES:
        return _read(fields[0].value)
    if not headers.complete or any(len(field.value) > MAX_BYTES for field in fields):
        return Authors(ambiguity=Ambiguity.TOO_LARGE)
    return Authors(ambiguity=Ambiguity.SEVERAL_FIELDS if fields else Ambiguity.MISSING)


# Several filters ask for the author of each message.
@lru_cache(maxsize=64)
def _read(value: bytes) -> Authors:
    try:
        mailboxes = parse_mailboxes(value)
    except Malformed as malformed:
        return Authors(ambiguity=Ambiguity.MALFORMED, detail=str(malformed))
    domains: dict[str, None] = {}
    for mailbox in mailboxes:
        domain = to_a_labels(mailbox.domain)
        if domain is None:
            return Authors(mailboxes, ambiguity=Ambiguity.NO_DOMAIN, detail="an address has no valid domain")
        domains[domain] = None
        # To know them all would cost, and change nothing.
        if len(domains) > MAX_DOMAINS:
            return Authors(mailboxes, ambiguity=Ambiguity.TOO_MANY_DOMAINS)
    found = tuple(domains)
    if len(found) == 1:
        return Authors(mailboxes, domain=found[0], domains=found)
    return Authors(mailboxes, domains=found, ambiguity=Ambiguity.SEVERAL_DOMAINS if found else Ambiguity.NO_DOMAIN)
