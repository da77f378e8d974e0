"""The hash over the signed header fields (RFC 6376 §3.4, §3.7, §5.4.2)."""

import hashlib
import re
from collections.abc import Sequence

from relayguard import Header, Headers
from relayguard_plugins.dkim.signature import Signature

_SIGNATURE_TAG = re.compile(rb";[ \t\r\n]*+b[ \t\r\n]*+=([^;]*+)")


class MessageFields:
    """The fields of one message as signatures cover them: each is relaxed once, however many signatures there are."""

    __slots__ = ("_relaxed", "headers")

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        # By identity, for the headers keep their fields alive: to hash a field would cost as much as to relax it.
        self._relaxed: dict[int, bytes] = {}

    def lines(self, signature: Signature, value: bytes) -> list[bytes]:
        """Return the fields that `signature` covers and its own with this `value`, in the form that is hashed."""
        selected = select(signature, self.headers)
        own, _ = field_bytes(signature.header)
        if not signature.relaxed_header:
            return [*(b":".join(field_bytes(field)) for _, field in selected), own + b":" + value]
        relaxed = self._relaxed
        fresh = [field for _, field in selected if id(field) not in relaxed]
        *values, value = relaxed_values([*(field.value for field in fresh), value])
        relaxed.update(zip(map(id, fresh), values, strict=True))
        lines = [name + b":" + relaxed[id(field)] for name, field in selected]
        return [*lines, own.lower() + b":" + value]


def header_digest(signature: Signature, fields: MessageFields) -> bytes:
    """Return the SHA-256 hash that the signature signs."""
    # RFC 6376 §3.7: the signature field itself comes last, without a final CRLF.
    value = without_signature(signature.header.value)
    return hashlib.sha256(b"\r\n".join(fields.lines(signature, value))).digest()


def field_bytes(header: Header) -> tuple[bytes, bytes]:
    """Return the name and value of a field as they are hashed."""
    return header.name.encode("latin-1", "replace"), header.value


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """Return a field in relaxed form, without its line end (RFC 6376 §3.4.2)."""
    return name.lower().rstrip(b" \t") + b":" + _collapsed(value).strip(b" ")


def relaxed_values(values: Sequence[bytes]) -> list[bytes]:
    """Return the values of fields in relaxed form: all in one go, which costs a few steps and not a few for each."""
    collapsed = _collapsed(b"\0".join(values)).split(b"\0")
    if len(collapsed) != len(values):
        collapsed = [_collapsed(value) for value in values]
    return [value.strip(b" ") for value in collapsed]


def _collapsed(value: bytes) -> bytes:
    # dkimpy's own strips vertical tabs too, which are no white space here.
    value = value.replace(b"\r\n", b"").replace(b"\t", b" ")
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return value


def without_signature(value: bytes) -> bytes:
    """Return a DKIM-Signature value with an empty ``b=`` tag, every other byte as it was."""
    found = _SIGNATURE_TAG.search(b";" + value)
    return value[: found.start(1) - 1] + value[found.end(1) - 1 :] if found else value


def select(signature: Signature, headers: Headers) -> list[tuple[bytes, Header]]:
    """Return the signed fields with their names in lower case, each name's from the bottom up (RFC 6376 §5.4.2)."""
    names, own = signature.names, signature.header
    # An extra From is always included: one that was added after signing must break the signature.
    if 0 < names.count(b"from") < len(headers.by_name.get("from", ())):
        names = (*names, b"from")
    found: list[tuple[bytes, Header]] = []
    above: dict[bytes, int] = {}
    lowered = b":".join(names).decode("latin-1").lower().split(":")
    for name, fields in zip(names, map(headers.by_name.get, lowered), strict=True):
        if fields is None:
            continue
        index = (above[name] if name in above else len(fields)) - 1
        # RFC 6376 §3.5 h=: a signature may sign others, but never itself; and a name beyond ASCII is no field's.
        while index >= 0 and (fields[index] is own or not fields[index].name.isascii()):
            index -= 1
        if index >= 0:
            found.append((name, fields[index]))
        above[name] = index
    return found
