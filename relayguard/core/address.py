"""Addresses of the envelope: the path of MAIL FROM and RCPT TO, as the client typed it and as it is read."""

import re
from dataclasses import dataclass

from relayguard.core.domain import to_a_labels

# RFC 5321 §4.1.2, RFC 6531 §3.3: Dot-string, with UTF-8 allowed.
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]"
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*\Z")
_QUOTED_STRING = re.compile(r'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"\Z')
_ADDRESS_LITERAL = re.compile(r"\[[0-9A-Za-z:.\-]{1,64}\]\Z")
# RFC 5321 Appendix C: a source route is accepted and ignored.
_SOURCE_ROUTE = re.compile(r"@[^:\s]{1,512}:")
_MAX_PATH = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of the envelope.

    `raw` is what the client typed, without the angle brackets. `local` and `domain` are empty for the
    null sender, and for an address with a `defect`: a malformed address is never guessed at.
    The domain is in A-labels (RFC 8616), or an address literal such as ``[192.0.2.1]``.
    """

    raw: bytes
    local: str = ""
    domain: str = ""
    defect: str | None = None

    @property
    def is_null(self) -> bool:
        """True for ``<>``, the sender of bounces."""
        return not self.raw

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else ""


NULL_SENDER = Address(b"")


def parse_path(path: bytes) -> Address:
    """Read the path of MAIL FROM or RCPT TO (RFC 5321 §4.1.2), with or without angle brackets.

    Never raises: an unreadable path becomes an `Address` with a `defect`.

    >>> parse_path(b"<bob@Example.COM>")
    Address(raw=b'bob@Example.COM', local='bob', domain='example.com', defect=None)
    """
    raw = path[1:-1] if path[:1] == b"<" and path[-1:] == b">" else path
    if not raw:
        return NULL_SENDER
    if len(raw) > _MAX_PATH:
        return Address(raw, defect="longer than 1024 octets")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Address(raw, defect="not UTF-8")
    route = _SOURCE_ROUTE.match(text) if text[0] == "@" else None
    local, at, domain = text[route.end() if route else 0 :].rpartition("@")
    if not at:
        # RFC 5321 §4.5.1: <Postmaster> alone needs no domain.
        if text.lower() == "postmaster":
            return Address(raw, local=text)
        return Address(raw, defect="no domain")
    if not (_DOT_STRING.match(local) or _QUOTED_STRING.match(local)):
        return Address(raw, defect="malformed local part")
    name = to_a_labels(domain)
    if name is None and _ADDRESS_LITERAL.match(domain):
        name = domain.lower()
    if name is None:
        return Address(raw, defect="malformed domain")
    return Address(raw, local, name)
