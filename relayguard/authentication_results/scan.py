"""Recognises Authentication-Results fields that claim to be ours, however they are written.

authres' parser is not used here: it fails on what other systems really write, recurses on nested
comments, and is quadratic on hostile ones.
"""

import re
from collections.abc import Sequence

from relayguard.authentication_results.lexing import read_word, skip_cfws
from relayguard.core.domain import to_a_labels
from relayguard.core.headers import Header

MAX_FIELDS = 50
MAX_BYTES = 16 * 1024
MAX_FORGED = 200
"""Whoever forges more than this is refused: each deletion costs the MTA a search through the message."""

_NOISE = b' \t\n\r\f\v"\\\x00'
_VERSION = re.compile(rb"[0-9/]*+")
# RFC 5322 §3.2.1: behind a backslash a parenthesis is none.
_PARENTHESES = re.compile(rb"(\\.|[()])", re.DOTALL)
_MAX_PARENTHESES = 100
_ENCODED_WORD = b"=?"


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
        # Some readers decode an encoded word where it must not be, and it may spell our id.
        if _ENCODED_WORD in value:
            return True
        if value.count(b"(") > _MAX_PARENTHESES:
            # To drop so many comments is dear; what has all the letters of our id may spell it.
            return set(authserv_id.lower().encode()) <= set(value.lower())
        return _mentions(value, authserv_id) or _mentions(_without_comments(value), authserv_id)
    name = to_a_labels(found)
    if name is None:
        # No domain name: readers may trim it to one, or see ours in it.
        return _may_claim(found.encode(), authserv_id)
    return name == to_a_labels(authserv_id)


def authserv_id_of(value: bytes) -> str | None:
    """Return the authserv-id of an Authentication-Results value (RFC 8601 §2.2), None if it has no readable one."""
    found = read_authserv_id(value, 0)
    return found[0] if found else None


def read_authserv_id(value: bytes, position: int) -> tuple[str, int] | None:
    """Read the authserv-id and its version; return the id and where the results begin, None if it cannot be read."""
    start = skip_cfws(value, position)
    word = read_word(value, start) if start is not None else None
    after = skip_cfws(value, word[1]) if word else None
    if word is None or not word[0] or after is None:
        return None
    # An optional version, then a semicolon or the end; anything else and this was no authserv-id.
    version = _VERSION.match(value, after)
    rest = skip_cfws(value, version.end() if version else after)
    if rest is None or value[rest : rest + 1] not in (b";", b""):
        return None
    return word[0].decode("utf-8", "replace"), rest


def _without_comments(value: bytes) -> bytes:
    """Drop comments: some readers join what they part, as in ``mx(c).example.com``."""
    kept: list[bytes] = []
    depth = 0
    for part in _PARENTHESES.split(value):
        # Outside a comment a backslash is nothing special.
        opens = part == b"(" or (not depth and part == b"\\(")
        if opens:
            depth += 1
        elif depth:
            depth -= part == b")"
        else:
            kept.append(part)
    return b"".join(kept)


def _may_claim(value: bytes, authserv_id: str) -> bool:
    """The cheap question: our id anywhere, or something before the results that could be another spelling of it."""
    start = value.partition(b";")[0]
    return b"(" in start or _ENCODED_WORD in start or not start.isascii() or _mentions(value, authserv_id)


def _mentions(value: bytes, authserv_id: str) -> bool:
    return authserv_id.lower().encode() in value.translate(None, _NOISE).lower()
