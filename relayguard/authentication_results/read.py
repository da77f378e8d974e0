"""Reads Authentication-Results as others really write it: for ARC, and for the results of our own relays.

What cannot be read costs its own entry. Nothing here says whether to believe it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from relayguard.authentication_results.lexing import read_quoted, skip_cfws
from relayguard.authentication_results.scan import MAX_BYTES, read_authserv_id
from relayguard.core.results import Reported

MAX_ENTRIES = 100
MAX_PAIRS = 300
"""Of one field; what is behind them is not read. Honest fields have a dozen."""
_NAME = re.compile(rb'[^ \t\r\n;("=]++')
_WORD = re.compile(rb'[^ \t\r\n;("]++')
_Pair = tuple[str, str]


class _EndlessError(Exception):
    """A quoted string or a comment does not end, or the whole has more pairs than are read."""


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """One field: who wrote it, and what it reports. Comments are left out."""

    authserv_id: str
    entries: tuple[Reported, ...]


def read_results(value: bytes) -> AuthenticationResults | None:
    """Read the value of an Authentication-Results field (RFC 8601 §2.2); None if it has no authserv-id. Linear.

    >>> read_results(b" mx.example.org; spf=pass smtp.mailfrom=a@example.com").entries[0].value
    'pass'
    """
    if len(value) > MAX_BYTES:
        return None
    found = read_authserv_id(value, 0)
    if found is None:
        return None
    authserv_id, position = found
    return AuthenticationResults(authserv_id, tuple(_entries(value, position)))


def _entries(value: bytes, position: int) -> Iterator[Reported]:
    left = MAX_PAIRS
    for _ in range(MAX_ENTRIES):
        if value[position : position + 1] != b";":
            return
        try:
            pairs, position = _pairs(value, position + 1, left)
        except _EndlessError:
            # Where the next entry would begin, readers differ.
            return
        left -= len(pairs)
        entry = _entry(pairs)
        if entry is not None:
            yield entry


def _entry(pairs: list[_Pair]) -> Reported | None:
    if not pairs:
        return None
    (method, value), *rest = pairs
    split = [(*name.lower().split(".", 1), text) for name, text in rest]
    properties = tuple(each for each in split if len(each) == 3)
    reason = next((text for name, text in rest if name.lower() == "reason"), None)
    try:
        # RFC 8601 §2.2: a method may have a version.
        return Reported(method.partition("/")[0].lower(), value.lower(), properties, reason=reason)
    except ValueError:
        return None


def _pairs(value: bytes, position: int, limit: int) -> tuple[list[_Pair], int]:
    """Return the ``name=value`` pairs up to the next semicolon or the end, and where that is."""
    pairs: list[_Pair] = []
    for _ in range(limit + 1):
        position = _skip(value, position)
        if value[position : position + 1] in (b";", b""):
            return pairs, position
        name, position = _run(_NAME, value, position)
        if not name and value[position : position + 1] == b'"':
            # A quoted string without a name says nothing.
            _, position = _value(value, position)
            continue
        equals = _skip(value, position)
        if value[equals : equals + 1] == b"=":
            text, position = _value(value, _skip(value, equals + 1))
            pairs.append((name.decode("utf-8", "replace"), text.decode("utf-8", "replace")))
    raise _EndlessError


def _value(value: bytes, position: int) -> tuple[bytes, int]:
    """Read a value: words and quoted strings that touch, as in ``"a b"@example.com``."""
    parts: list[bytes] = []
    while True:
        if value[position : position + 1] == b'"':
            quoted = read_quoted(value, position)
            if quoted is None:
                raise _EndlessError
            part, position = quoted
        else:
            part, position = _run(_WORD, value, position)
            if not part:
                return b"".join(parts), position
        parts.append(part)


def _run(pattern: re.Pattern[bytes], value: bytes, position: int) -> tuple[bytes, int]:
    found = pattern.match(value, position)
    return (found[0], found.end()) if found else (b"", position)


def _skip(value: bytes, position: int) -> int:
    after = skip_cfws(value, position)
    if after is None:
        raise _EndlessError
    return after
