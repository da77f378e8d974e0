"""The DKIM-Signature field: strictly checked before anything is computed or asked (RFC 6376 §3.5, §6.1.1)."""

import base64
import binascii
import re
from dataclasses import dataclass

from relayguard import Cap, DkimResult, DkimValue, Header, Headers, lies_under, printable, to_a_labels
from relayguard_plugins.dkim.tags import TagError, parse_tags, without_white, words

MAX_BYTES = 8 * 1024
MAX_NAMES = 100
MAX_READ = 100
"""Reading a signature costs its size; those beyond this many are not even read."""
SKEW = 300
"""Seconds that a sender's clock may differ from ours."""

ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})
_FOLD = re.compile(rb"\r\n[ \t]+")
_NUMBER = re.compile(rb"\d{1,12}\Z")
_LENGTH = re.compile(rb"\d{1,76}\Z")
_CANONICALIZATIONS = frozenset({"simple", "relaxed"})
_REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")


class SignatureError(Exception):
    """The signature cannot be valid: `value` says in which way, `cap` which bound it ran into, if any."""

    def __init__(self, value: DkimValue, reason: str, cap: Cap | None = None) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason
        self.cap = cap


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
    if len(header.value) > MAX_BYTES:
        raise SignatureError(DkimValue.PERMERROR, "signature larger than 8 KB", Cap.DKIM_SIGNATURE_SIZE)
    try:
        tags = parse_tags(header.value)
    except TagError as error:
        raise _permanent(str(error)) from error
    for name in _REQUIRED:
        if not tags.get(name):
            raise _permanent(f"{name}= is missing")
    if tags["v"] != b"1":
        raise _permanent("unknown version")
    domain = _domain(tags["d"], "d")
    header_canonicalization, body_canonicalization = _canonicalizations(tags)
    expires, timestamp = _times(tags)
    return Signature(
        header=header,
        algorithm=_algorithm(tags["a"]),
        domain=domain,
        selector=_domain(tags["s"], "s"),
        identity_domain=_identity_domain(tags.get("i"), domain),
        relaxed_header=header_canonicalization == "relaxed",
        relaxed_body=body_canonicalization == "relaxed",
        names=_names(tags["h"]),
        body_hash=_base64(tags["bh"], "bh"),
        signature=_base64(tags["b"], "b"),
        tag=without_white(tags["b"])[:8].decode("ascii", "replace"),
        length=_length(tags),
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
            named[name] = _domain(tags.get(name, b""), name)
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


def _permanent(reason: str) -> SignatureError:
    return SignatureError(DkimValue.PERMERROR, reason)


def _algorithm(value: bytes) -> str:
    algorithm = value.decode("ascii", "replace").lower()
    if algorithm == "rsa-sha1":
        # RFC 8301 §3.1: MUST NOT be considered valid.
        raise SignatureError(DkimValue.POLICY, "rsa-sha1 is no longer valid")
    if algorithm not in ALGORITHMS:
        raise _permanent("unknown algorithm")
    return algorithm


def _domain(value: bytes, name: str) -> str:
    # Some signers, dkimpy among them, fold inside the domain.
    try:
        domain = to_a_labels(_FOLD.sub(b"", value).decode("utf-8"))
    except UnicodeDecodeError:
        domain = None
    if domain is None:
        raise _permanent(f"{name}= is no domain name")
    return domain


def _identity_domain(value: bytes | None, domain: str) -> str:
    """RFC 6376 §3.5 i=: the domain part must be d= or lie under it."""
    if value is None:
        return domain
    _, at, host = value.rpartition(b"@")
    if not at:
        raise _permanent("i= has no @")
    identity = _domain(host, "i")
    if not lies_under(identity, domain):
        raise _permanent("i= is not under d=")
    return identity


def _canonicalizations(tags: dict[str, bytes]) -> tuple[str, str]:
    header, _, body = tags.get("c", b"simple/simple").decode("ascii", "replace").lower().partition("/")
    body = body or "simple"
    if header not in _CANONICALIZATIONS or body not in _CANONICALIZATIONS:
        raise _permanent("unknown canonicalization")
    if "q" in tags and b"dns/txt" not in [word.lower() for word in words(tags["q"])]:
        raise _permanent("unknown query method")
    return header, body


def _names(value: bytes) -> tuple[bytes, ...]:
    if value.count(b":") >= MAX_NAMES:
        raise SignatureError(DkimValue.PERMERROR, f"h= names more than {MAX_NAMES} fields", Cap.DKIM_SIGNED_NAMES)
    names = tuple(word.lower() for word in words(value))
    # RFC 6376 §5.4: the From field MUST be signed.
    if b"from" not in names:
        raise _permanent("From is not signed")
    return names


def _base64(value: bytes, name: str) -> bytes:
    try:
        return base64.b64decode(without_white(value), validate=True)
    except binascii.Error as error:
        raise _permanent(f"{name}= is no base64") from error


def _length(tags: dict[str, bytes]) -> int | None:
    value = tags.get("l")
    if value is None:
        return None
    if not _LENGTH.match(value):
        raise _permanent("l= is no number")
    return int(value)


def _times(tags: dict[str, bytes]) -> tuple[int | None, int | None]:
    times: list[int | None] = []
    for name in ("x", "t"):
        value = tags.get(name)
        if value is not None and not _NUMBER.match(value):
            raise _permanent(f"{name}= is no time")
        times.append(int(value) if value is not None else None)
    expires, timestamp = times
    # RFC 6376 §3.5 x=: MUST be greater than t=.
    if expires is not None and timestamp is not None and expires <= timestamp:
        raise _permanent("x= is not after t=")
    return expires, timestamp
