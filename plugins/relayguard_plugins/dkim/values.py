"""The values of tags that signatures of DKIM and of ARC share: read strictly, or refused with a reason."""

import base64
import binascii
import re

from relayguard import Cap, DkimValue, Header, to_a_labels
from relayguard_plugins.dkim.tags import TagError, parse_tags, without_white, words

MAX_BYTES = 8 * 1024
MAX_NAMES = 100

_ALGORITHMS = {b"rsa-sha256": "rsa-sha256", b"ed25519-sha256": "ed25519-sha256"}
_FOLD = re.compile(rb"\r\n[ \t]+")
_NUMBER = re.compile(rb"\d{1,12}\Z")
_LENGTH = re.compile(rb"\d{1,76}\Z")
_CANONICALIZATIONS = frozenset({"simple", "relaxed"})
# Names as almost all signers write them, with white space around the colons alone.
_PLAIN_NAMES = re.compile(rb"[!-9;-~]++(?:[ \t\r\n]*+:[ \t\r\n]*+[!-9;-~]++)*+\Z")


class SignatureError(Exception):
    """The signature cannot be valid: `value` says in which way, `cap` which bound it ran into, if any."""

    def __init__(self, value: DkimValue, reason: str, cap: Cap | None = None) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason
        self.cap = cap


def malformed(reason: str) -> SignatureError:
    """Return the error of a signature whose syntax is wrong."""
    return SignatureError(DkimValue.PERMERROR, reason)


def read_tags(header: Header, required: tuple[str, ...], *, strict: bool = False) -> dict[str, bytes]:
    """Return the tags of a field, of which `required` must not be empty; raises SignatureError."""
    if len(header.value) > MAX_BYTES:
        raise SignatureError(DkimValue.PERMERROR, "signature larger than 8 KB", Cap.DKIM_SIGNATURE_SIZE)
    try:
        tags = parse_tags(header.value, strict=strict)
    except TagError as error:
        raise malformed(str(error)) from error
    if not all(map(tags.get, required)):
        missing = next(name for name in required if not tags.get(name))
        raise malformed(f"{missing}= is missing")
    return tags


def read_algorithm(value: bytes) -> str:
    """Read ``a=``."""
    algorithm = value.lower()
    if algorithm == b"rsa-sha1":
        # RFC 8301 §3.1: MUST NOT be considered valid.
        raise SignatureError(DkimValue.POLICY, "rsa-sha1 is no longer valid")
    if algorithm not in _ALGORITHMS:
        raise malformed("unknown algorithm")
    return _ALGORITHMS[algorithm]


def read_domain(value: bytes, name: str) -> str:
    """Read ``d=`` or ``s=``, in A-labels."""
    # Some signers, dkimpy among them, fold inside the domain.
    try:
        domain = to_a_labels((_FOLD.sub(b"", value) if b"\r" in value else value).decode("utf-8"))
    except UnicodeDecodeError:
        domain = None
    if domain is None:
        raise malformed(f"{name}= is no domain name")
    return domain


def read_canonicalizations(value: bytes) -> tuple[str, str]:
    """Read ``c=``: for the header, and for the body."""
    header, _, body = value.decode("ascii", "replace").lower().partition("/")
    body = body or "simple"
    if header not in _CANONICALIZATIONS or body not in _CANONICALIZATIONS:
        raise malformed("unknown canonicalization")
    return header, body


def read_names(value: bytes) -> tuple[bytes, ...]:
    """Read ``h=``, in lower case."""
    if value.count(b":") >= MAX_NAMES:
        raise SignatureError(DkimValue.PERMERROR, f"h= names more than {MAX_NAMES} fields", Cap.DKIM_SIGNED_NAMES)
    # RFC 6376 §3.5: field names, which are ASCII. What the transport makes of others must not decide what is signed.
    if not value.isascii():
        raise malformed("h= names a field that cannot be")
    value = value.lower()
    return tuple(without_white(value).split(b":") if _PLAIN_NAMES.match(value) else words(value))


def read_base64(value: bytes, name: str) -> bytes:
    """Read ``b=`` or ``bh=``."""
    try:
        return base64.b64decode(without_white(value), validate=True)
    except binascii.Error as error:
        raise malformed(f"{name}= is no base64") from error


def read_length(value: bytes | None) -> int | None:
    """Read ``l=``, None if it is not there."""
    if value is None:
        return None
    if not _LENGTH.match(value):
        raise malformed("l= is no number")
    return int(value)


def read_time(tags: dict[str, bytes], name: str) -> int | None:
    """Read ``t=`` or ``x=``, in seconds since the epoch; None if it is not there."""
    value = tags.get(name)
    if value is None:
        return None
    if not _NUMBER.match(value):
        raise malformed(f"{name}= is no time")
    return int(value)
