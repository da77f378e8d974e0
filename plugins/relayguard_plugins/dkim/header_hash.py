"""The hash over the signed header fields (RFC 6376 §3.4, §3.7, §5.4.2)."""

import hashlib
from collections import Counter

import dkim

from relayguard import Header, Headers
from relayguard_plugins.dkim.signature import Signature

_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")


class RelaxedFields:
    """The relaxed forms of one message's fields, each made once, however many signatures cover it."""

    __slots__ = ("_forms",)

    def __init__(self) -> None:
        # By identity of the value, which the headers keep alive: to hash a field would cost as much as to relax it.
        self._forms: dict[tuple[bytes, int], bytes] = {}

    def of(self, name: bytes, value: bytes) -> bytes:
        """Return the relaxed form of a field of the message."""
        key = (name, id(value))
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = relaxed_field(name, value)
        return form


def header_digest(signature: Signature, headers: Headers, relaxed: RelaxedFields) -> bytes:
    """Return the SHA-256 hash that the signature signs."""
    hashed = hashlib.sha256()
    for name, value in _selected(signature, headers):
        hashed.update(relaxed.of(name, value) if signature.relaxed_header else name + b":" + value)
        hashed.update(b"\r\n")
    name, value = field_bytes(signature.header)
    value = without_signature(value)
    # RFC 6376 §3.7: the signature field itself comes last, without a final CRLF.
    hashed.update(relaxed_field(name, value) if signature.relaxed_header else name + b":" + value)
    return hashed.digest()


def field_bytes(header: Header) -> tuple[bytes, bytes]:
    """Return the name and value of a field as they are hashed."""
    return header.name.encode("latin-1", "replace"), header.value


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """Return a field in relaxed form, without its line end (RFC 6376 §3.4.2)."""
    # dkimpy's own strips vertical tabs too, which are no white space here.
    value = value.replace(b"\r\n", b"").translate(_TAB_TO_SPACE)
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return name.lower().rstrip(b" \t") + b":" + value.strip(b" ")


def without_signature(value: bytes) -> bytes:
    """Return a DKIM-Signature value with an empty ``b=`` tag, every other byte as it was."""
    specs = value.split(b";")
    for index, spec in enumerate(specs):
        name, equals, _ = spec.partition(b"=")
        if equals and name.strip(b" \t\r\n") == b"b":
            specs[index] = name + equals
    return b";".join(specs)


def _selected(signature: Signature, headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the signed fields, each name's from the bottom up.

    dkimpy selects, in time that grows with both lists: it gets only the fields that it could select.
    """
    wanted = list(signature.names)
    # An extra From is always included: one that was added after signing must break the signature.
    if 0 < wanted.count(b"from") < len(headers.all("From")):
        wanted.append(b"from")
    candidates: list[Header] = []
    for name, times in Counter(wanted).items():
        # RFC 6376 §3.5 h=: a signature may sign others, but never itself.
        fields = [header for header in headers.all(name.decode("latin-1")) if header is not signature.header]
        candidates += fields[-times:]
    candidates.sort(key=lambda header: header.position)
    return dkim.select_headers([field_bytes(header) for header in candidates], wanted)
