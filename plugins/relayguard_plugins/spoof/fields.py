"""Signals of other header fields: those repeated, where answers go, and what a signature leaves out."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from relayguard import (
    Authors,
    DkimResult,
    DkimValue,
    Headers,
    Mailbox,
    Malformed,
    Results,
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
_TO_BE_SIGNED = ("subject", "date", "reply-to")
_MAX_SIGNATURES = 10
_MAX_VALUE = 4096
_MAX_FIELDS = 5

MAX_DOMAINS = 10
"""So many domains of one message are looked at: that of an international name takes long to read."""


def repeated(headers: Headers) -> Iterator[Suspicion]:
    """A field that may be there once is there again: readers show one, signatures cover the other."""
    names = [name for name in _ONCE if len(headers.by_name.get(name, ())) > 1]
    if names:
        yield suspicion(Signal.REPEATED_HEADER, f"repeated: {', '.join(names)}")


def mailboxes_of(headers: Headers, name: str) -> tuple[Mailbox, ...] | None:
    """Return the mailboxes in all fields of a name, such as Reply-To; None if they cannot be read."""
    found: list[Mailbox] = []
    for field in headers.all(name)[:_MAX_FIELDS]:
        if len(field.value) > _MAX_VALUE:
            return None
        try:
            found += parse_mailboxes(field.value)
        except Malformed:
            return None
    return tuple(found)


def domains_of(mailboxes: Iterable[Mailbox]) -> Iterator[str]:
    """Yield the domains of mailboxes in A-labels, of `MAX_DOMAINS` at most, each as it is wanted."""
    for name in islice(dict.fromkeys(mailbox.domain for mailbox in mailboxes), MAX_DOMAINS):
        domain = to_a_labels(name)
        if domain is not None:
            yield domain


def reply_elsewhere(
    answers: Sequence[Mailbox] | None,
    headers: Headers,
    domains: Sequence[str],
    vouched: Vouched,
    own: Sequence[str] = (),
) -> Iterator[Suspicion]:
    """Answers would go to another organisation than that of the author's `domains`, the list's, or ours.

    Or nobody can tell where.
    """
    if answers is None:
        yield suspicion(Signal.REPLY_ELSEWHERE, "where answers go cannot be read")
        return
    if not domains or not answers:
        return
    known = [*domains, *filter(None, (list_of(headers, vouched),)), *own]
    for domain in domains_of(answers):
        if not any(same_organisation(domain, each) for each in known):
            yield suspicion(Signal.REPLY_ELSEWHERE, f"answers go to {domain}, the author is of {known[0]}")
            return
    if len({mailbox.domain for mailbox in answers}) > MAX_DOMAINS:
        yield suspicion(Signal.REPLY_ELSEWHERE, f"answers go to more than {MAX_DOMAINS} domains")


def weak_signature(headers: Headers, authors: Authors, results: Results) -> Iterator[Suspicion]:
    """The signatures that speak for the author leave out what readers see, or a part of the body."""
    author = authors.domain
    passed = [each for each in results.of(DkimResult) if each.value is DkimValue.PASS]
    speaking = [each for each in passed if author and _aligned(author, each.domain)]
    if not speaking:
        return
    weak: list[str] = []
    for field in headers.all("DKIM-Signature")[:_MAX_SIGNATURES]:
        try:
            tags = parse_tags(field.value)
        except TagError:
            continue
        domain = next((each.domain for each in speaking if _is_that(each, tags)), None)
        if domain is None:
            continue
        lacks = _lacks(headers, tags)
        if not lacks:
            # One that covers all is enough.
            return
        weak.append(f"that of {domain} {lacks}")
    if weak:
        yield suspicion(Signal.WEAK_SIGNATURE, f"signature {weak[0]}")


def _aligned(author: str, domain: str) -> bool:
    return lies_under(author, domain) or lies_under(domain, author)


def _is_that(result: DkimResult, tags: dict[str, bytes]) -> bool:
    """Tell whether a result is of the signature with these tags: others may stand beside it to hide it."""
    signature = b"".join(tags.get("b", b"").split())
    domain = to_a_labels(tags.get("d", b"").decode("utf-8", "replace").strip())
    return domain == result.domain and signature.startswith(result.tag.encode())


def _lacks(headers: Headers, tags: dict[str, bytes]) -> str:
    signed = {name.strip().lower() for name in tags.get("h", b"").split(b":")}
    missing = [name for name in _TO_BE_SIGNED if name in headers.by_name and name.encode() not in signed]
    if missing:
        return f"leaves {' and '.join(missing)} unsigned"
    # RFC 6376 §8.2.
    return "covers a part of the body (l=)" if "l" in tags else ""
