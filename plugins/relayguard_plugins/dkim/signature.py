"""The DKIM-Signature field: strictly checked before anything is computed or asked (RFC 6376 §3.5, §6.1.1)."""

from dataclasses import dataclass

from relayguard import DkimResult, DkimValue, Header, Headers, lies_under, printable
from relayguard_plugins.dkim.tags import TagError, parse_tags, without_white, words
from relayguard_plugins.dkim.values import (
    MAX_BYTES,
    SignatureError,
    malformed,
    read_algorithm,
    read_base64,
    read_canonicalizations,
    read_domain,
    read_length,
    read_names,
    read_tags,
    read_time,
)

MAX_READ = 100
"""Reading a signature costs its size; those beyond this many are not even read."""
SKEW = 300
"""Seconds that a sender's clock may differ from ours."""

_REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature whose syntax is right. `domain` and `selector` are in A-labels, times in seconds since the epoch."""

    header: Header
    algorithm: str
    domain: str
    selector: str
    identity_domain: str
    relaxed_header: bool
    relaxed_body: bool
    names: tuple[bytes, ...]
    body_hash: bytes
    signature: bytes
    tag: str
    length: int | None
    expires: int | None
    timestamp: int | None

    def result(self, value: DkimValue, reason: str | None = None, *, testing: bool = False) -> DkimResult:
        """Return a result for this signature."""
        return DkimResult(
            value=value,
            domain=self.domain,
            selector=self.selector,
            algorithm=self.algorithm,
            tag=self.tag,
            testing=testing,
            reason=reason,
        )


def parse_signature(header: Header) -> Signature:
    """Read and check a DKIM-Signature field; raises SignatureError."""
    tags = read_tags(header, _REQUIRED)
    if tags["v"] != b"1":
        raise malformed("unknown version")
    if "q" in tags and b"dns/txt" not in [word.lower() for word in words(tags["q"])]:
        raise malformed("unknown query method")
    domain = read_domain(tags["d"], "d")
    signature = signature_of(header, tags, domain, _identity_domain(tags, domain))
    # RFC 6376 §5.4: the From field MUST be signed.
    if b"from" not in signature.names:
        raise malformed("From is not signed")
    return signature


def signature_of(header: Header, tags: dict[str, bytes], domain: str, identity_domain: str) -> Signature:
    """Build the signature of `domain` from its tags; raises SignatureError."""
    header_canonicalization, body_canonicalization = read_canonicalizations(tags.get("c", b"simple/simple"))
    expires, timestamp = read_time(tags, "x"), read_time(tags, "t")
    # RFC 6376 §3.5 x=: MUST be greater than t=.
    if expires is not None and timestamp is not None and expires <= timestamp:
        raise malformed("x= is not after t=")
    return Signature(
        header=header,
        algorithm=read_algorithm(tags["a"]),
        domain=domain,
        selector=read_domain(tags["s"], "s"),
        identity_domain=identity_domain,
        relaxed_header=header_canonicalization == "relaxed",
        relaxed_body=body_canonicalization == "relaxed",
        names=read_names(tags["h"]),
        body_hash=read_base64(tags["bh"], "bh"),
        signature=read_base64(tags["b"], "b"),
        tag=without_white(tags["b"])[:8].decode("ascii", "replace"),
        length=read_length(tags.get("l")),
        expires=expires,
        timestamp=timestamp,
    )


def describe_broken(header: Header, error: SignatureError) -> DkimResult:
    """Return the result of a signature that could not be read, with as much of it as can be told."""
    named: dict[str, str] = {}
    try:
        tags = parse_tags(header.value) if len(header.value) <= MAX_BYTES else {}
    except TagError:
        tags = {}
    for name in ("d", "s"):
        try:
            named[name] = read_domain(tags.get(name, b""), name)
        except SignatureError:
            named[name] = ""
    return DkimResult(
        value=error.value,
        domain=named["d"],
        selector=named["s"],
        algorithm=printable(tags.get("a", b""), 32),
        reason=error.reason,
    )


def signing_domain(field: Header) -> str:
    """Return the domain of a signature, unverified; empty if it cannot be read."""
    try:
        return parse_signature(field).domain
    except SignatureError:
        return ""


def signing_domains(headers: Headers) -> tuple[str, ...]:
    """Return the domains of the signatures that can be read, unverified."""
    fields = headers.all("DKIM-Signature")[:MAX_READ]
    return tuple(dict.fromkeys(filter(None, map(signing_domain, fields))))


def _identity_domain(tags: dict[str, bytes], domain: str) -> str:
    """RFC 6376 §3.5 i=: the domain part must be d= or lie under it."""
    value = tags.get("i")
    if value is None:
        return domain
    _, at, host = value.rpartition(b"@")
    if not at:
        raise malformed("i= has no @")
    identity = read_domain(host, "i")
    if not lies_under(identity, domain):
        raise malformed("i= is not under d=")
    return identity
