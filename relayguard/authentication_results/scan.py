"""Recognises Authentication-Results fields that claim to be ours, however they are written.

authres' parser is not used here: it fails on what other systems really write, recurses on nested
comments, and is quadratic on hostile ones. This scanner passes over each byte once.
"""

import re
from collections.abc import Sequence

from relayguard.core.domain import to_a_labels
from relayguard.core.headers import Header

MAX_FIELDS = 50
MAX_BYTES = 16 * 1024
MAX_FORGED = 200
"""Whoever forges more than this is refused: each deletion costs the MTA a search through the message."""

_NOISE = re.compile(rb'[\s"\\\x00]+')
# RFC 2045 §5.1 tspecials, white space and controls; bytes above 127 may be a U-label.
_TOKEN_END = frozenset(b'()<>@,;:\\"/[]?=\x7f') | frozenset(range(0x21))


def forged_headers(fields: Sequence[Header], authserv_id: str, limit: int | None = None) -> tuple[list[Header], bool]:
    """Return the fields that claim to be from `authserv_id`, and whether a cap was hit (RFC 8601 §5).

    Stops once there are more than `limit`. What cannot be parsed, is too large or one too many is taken as
    forged if it contains our id at all, or may.
    """
    capped = len(fields) > MAX_FIELDS
    forged: list[Header] = []
    for index, field in enumerate(fields):
        if limit is not None and len(forged) > limit:
            break
        too_large = len(field.value) > MAX_BYTES
        capped = capped or too_large
        readable = index < MAX_FIELDS and not too_large
        if claims(field.value, authserv_id) if readable else _may_claim(field.value, authserv_id):
            forged.append(field)
    return forged, capped


def claims(value: bytes, authserv_id: str) -> bool:
    """Tell whether an Authentication-Results value claims to be from `authserv_id`.

    >>> claims(b' (hi) "MX.example.com" 1; dkim=pass', "mx.example.com")
    True
    >>> claims(b" mx.example.org; dkim=pass", "mx.example.com")
    False
    """
    found = authserv_id_of(value)
    if found is None:
        return _mentions(value, authserv_id) or _mentions(_without_comments(value), authserv_id)
    name = to_a_labels(found)
    if name is None:
        # No domain name: readers may trim it to one, or see ours in it.
        return _may_claim(found.encode(), authserv_id)
    return name == to_a_labels(authserv_id)


def authserv_id_of(value: bytes) -> str | None:
    """Return the authserv-id of an Authentication-Results value (RFC 8601 §2.2), None if it has no readable one."""
    start = _skip_cfws(value, 0)
    if start is None or start == len(value):
        return None
    found, end = _word(value, start)
    after = _skip_cfws(value, end)
    if not found or after is None:
        return None
    # An optional version, then a semicolon or the end; anything else and this was no authserv-id.
    while after < len(value) and (48 <= value[after] <= 57 or value[after] == 0x2F):
        after += 1
    rest = _skip_cfws(value, after)
    if rest is None or (rest < len(value) and value[rest] != 0x3B):
        return None
    return found.decode("utf-8", "replace")


def _word(value: bytes, start: int) -> tuple[bytes, int]:
    """Read a token or a quoted string; return it and where it ends."""
    position = start
    if value[start] != 0x22:
        while position < len(value) and value[position] not in _TOKEN_END:
            position += 1
        return value[start:position], position
    text = bytearray()
    position += 1
    while position < len(value) and value[position] != 0x22:
        if value[position] == 0x5C:
            position += 1
        text += value[position : position + 1]
        position += 1
    return (bytes(text), position + 1) if position < len(value) else (b"", position)


def _skip_cfws(value: bytes, position: int) -> int | None:
    """Pass over white space and nested comments; None if a comment does not end."""
    depth = 0
    while position < len(value):
        byte = value[position]
        if byte == 0x28:
            depth += 1
        elif depth and byte == 0x29:
            depth -= 1
        elif depth and byte == 0x5C:
            position += 1
        elif not depth and byte not in b" \t\r\n":
            return position
        position += 1
    return None if depth else position


def _without_comments(value: bytes) -> bytes:
    """Drop comments: some readers join what they part, as in ``mx(c).example.com``."""
    kept = bytearray()
    depth = 0
    for byte in value:
        if byte == 0x28:
            depth += 1
        elif depth:
            depth -= byte == 0x29
        else:
            kept.append(byte)
    return bytes(kept)


def _may_claim(value: bytes, authserv_id: str) -> bool:
    """The cheap question: our id anywhere, or something before the results that could be another spelling of it."""
    start = value.partition(b";")[0]
    return b"(" in start or not start.isascii() or _mentions(value, authserv_id)


def _mentions(value: bytes, authserv_id: str) -> bool:
    return authserv_id.lower().encode() in _NOISE.sub(b"", value).lower()
