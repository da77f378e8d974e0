"""Signals of other header fields: those repeated, where answers go, and what a signature leaves out."""

from collections.abc import Iterator, Sequence

from relayguard import (
    Authors,
    Headers,
    Mailbox,
    Malformed,
    lies_under,
    parse_mailboxes,
    to_a_labels,
)
from relayguard_plugins.dkim.tags import TagError, parse_tags
from relayguard_plugins.spoof.author import Vouched, list_of, suspicion
from relayguard_plugins.spoof.organisations import same_organisation
from relayguard_plugins.spoof.signals import Signal, Suspicion

# RFC 5322 §3.6, and RFC 2045 §3 for those of MIME. From is told by its ambiguity.
_ONCE = (
    "date",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
# What a reader sees, and would be deceived by (RFC 6376 §5.4.1).
_TO_BE_SIGNED = ("subject", "date")
_MAX_SIGNATURES = 10
_MAX_REPLY_TO = 4096


def repeated(headers: Headers) -> Iterator[Suspicion]:
    """A field that may be there once is there again: readers show one, signatures cover the other."""
    names = [name for name in _ONCE if len(headers.by_name.get(name, ())) > 1]
    if names:
        yield suspicion(Signal.REPEATED_HEADER, f"repeated: {', '.join(names)}")


def reply_to(headers: Headers) -> tuple[Mailbox, ...]:
    """Return where answers go, as far as it can be read."""
    field = headers.first("Reply-To")
    if field is None or len(field.value) > _MAX_REPLY_TO:
        return ()
    try:
        return parse_mailboxes(field.value)
    except Malformed:
        return ()


def reply_elsewhere(
    answers: Sequence[Mailbox], headers: Headers, authors: Authors, vouched: Vouched
) -> Iterator[Suspicion]:
    """Answers would go to another organisation than the author's, the sender's, or the list's."""
    if authors.domain is None or not answers:
        return
    known = [authors.domain, *filter(None, (list_of(headers, vouched),))]
    for mailbox in answers:
        domain = to_a_labels(mailbox.domain)
        if domain is not None and not any(same_organisation(domain, each) for each in known):
            yield suspicion(Signal.REPLY_ELSEWHERE, f"answers go to {domain}, the author is of {authors.domain}")
            return


def weak_signature(headers: Headers, authors: Authors, vouched: Vouched) -> Iterator[Suspicion]:
    """The signatures that speak for the author leave out what readers see, or a part of the body."""
    author = authors.domain
    if author is None:
        return
    weak: list[str] = []
    for field in headers.all("DKIM-Signature")[:_MAX_SIGNATURES]:
        try:
            tags = parse_tags(field.value)
        except TagError:
            continue
        domain = to_a_labels(tags.get("d", b"").decode("utf-8", "replace").strip())
        if domain not in vouched.dkim or not (lies_under(author, domain) or lies_under(domain, author)):
            continue
        lacks = _lacks(headers, tags)
        if not lacks:
            # One that covers all is enough.
            return
        weak.append(f"that of {domain} {lacks}")
    if weak:
        yield suspicion(Signal.WEAK_SIGNATURE, f"signature {weak[0]}")


def _lacks(headers: Headers, tags: dict[str, bytes]) -> str:
    signed = {name.strip().lower() for name in tags.get("h", b"").split(b":")}
    missing = [name for name in _TO_BE_SIGNED if name in headers.by_name and name.encode() not in signed]
    if missing:
        return f"leaves {' and '.join(missing)} unsigned"
    # RFC 6376 §8.2.
    return "covers a part of the body (l=)" if "l" in tags else ""
