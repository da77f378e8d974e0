"""The hash over the signed header fields (RFC 6376 §3.4, §3.7, §5.4.2)."""

import hashlib
import re
from collections.abc import Mapping, Sequence

from relayguard import Header, Headers
from relayguard_plugins.dkim.signature import Signature

_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_SIGNATURE_TAG = re.compile(rb"(;[ \t\r\n]*+b[ \t\r\n]*+=)[^;]*+")


class MessageFields:
    """The fields of one message as signatures cover them: relaxed once, however many signatures there are."""

    __slots__ = ("_relaxed", "headers")

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self._relaxed: dict[int, bytes] | None = None

    def relaxed(self) -> Mapping[int, bytes]:
        """Return the relaxed value of each field, by the identity of the field, which the headers keep alive."""
        if self._relaxed is None:
            values = relaxed_values([field.value for field in self.headers])
            self._relaxed = dict(zip(map(id, self.headers), values, strict=True))
        return self._relaxed


def header_digest(signature: Signature, fields: MessageFields) -> bytes:
    """Return the SHA-256 hash that the signature signs."""
    selected = select(signature, fields.headers)
    name, value = field_bytes(signature.header)
    # RFC 6376 §3.7: the signature field itself comes last, without a final CRLF.
    value = without_signature(value)
    if signature.relaxed_header:
        values = fields.relaxed()
        lines = [wanted + b":" + values[id(field)] for wanted, field in selected]
        lines.append(relaxed_field(name, value))
    else:
        lines = [b":".join(field_bytes(field)) for _, field in selected]
        lines.append(name + b":" + value)
    return hashlib.sha256(b"\r\n".join(lines)).digest()


def field_bytes(header: Header) -> tuple[bytes, bytes]:
    """Return the name and value of a field as they are hashed."""
    return header.name.encode("latin-1", "replace"), header.value


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """Return a field in relaxed form, without its line end (RFC 6376 §3.4.2)."""
    return name.lower().rstrip(b" \t") + b":" + _collapsed(value).strip(b" ")


def relaxed_values(values: Sequence[bytes]) -> list[bytes]:
    """Return the values of fields in relaxed form: all in one go, which costs a few steps and not a few for each."""
    text = b"\0".join(values)
    if text.count(b"\0") >= len(values):
        return [_collapsed(value).strip(b" ") for value in values]
    return _collapsed(text).replace(b" \0", b"\0").replace(b"\0 ", b"\0").strip(b" ").split(b"\0")


def _collapsed(value: bytes) -> bytes:
    # dkimpy's own strips vertical tabs too, which are no white space here.
    value = value.replace(b"\r\n", b"").translate(_TAB_TO_SPACE)
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return value


def without_signature(value: bytes) -> bytes:
    """Return a DKIM-Signature value with an empty ``b=`` tag, every other byte as it was."""
    return _SIGNATURE_TAG.sub(rb"\1", b";" + value)[1:]


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
        # RFC 6376 §3.5 h=: a signature may sign others, but never itself.
        while index >= 0 and (fields[index] is own or not _is_called(fields[index], name)):
            index -= 1
        if index >= 0:
            found.append((name, fields[index]))
        above[name] = index
    return found


def _is_called(field: Header, name: bytes) -> bool:
    """What the headers hold to be one name may be two: a signature means octets, and only ASCII has lower case."""
    return field.name.isascii() or field_bytes(field)[0].lower() == name
