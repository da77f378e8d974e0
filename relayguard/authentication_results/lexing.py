"""The lexical elements of Authentication-Results (RFC 8601 §2.2): comments, tokens, quoted strings.

Each function passes over the bytes in one step of the regular expression engine, without backtracking:
its quantifiers are possessive, so hostile bytes cost no more than honest ones.
"""

import re

MAX_NESTING = 5
"""Comments nested deeper than this are not read: nobody honest nests them."""

_PLAIN = rb"[^()\\]|\\."


def _comment(nesting: int) -> bytes:
    inner = _PLAIN + (b"|" + _comment(nesting - 1) if nesting > 1 else b"")
    return rb"\((?:" + inner + rb")*+\)"


# RFC 5322 §3.2.2.
_CFWS = re.compile(rb"(?:[ \t\r\n]++|" + _comment(MAX_NESTING) + rb")*+", re.DOTALL)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
# RFC 2045 §5.1 tspecials, white space and controls; bytes above 127 may be a U-label.
_TOKEN = re.compile(rb'[^()<>@,;:\\"/\[\]?=\x7f\x00-\x20]++')


def skip_cfws(value: bytes, position: int) -> int | None:
    """Pass over white space and comments; None if a comment does not end, or nests too deeply."""
    found = _CFWS.match(value, position)
    end = found.end() if found else position
    return None if value[end : end + 1] == b"(" else end


def read_quoted(value: bytes, position: int) -> tuple[bytes, int] | None:
    """Read a quoted string; return its content and where it ends, None if it does not end."""
    found = _QUOTED.match(value, position)
    return (_ESCAPED.sub(rb"\1", found[1]), found.end()) if found else None


def read_word(value: bytes, position: int) -> tuple[bytes, int] | None:
    """Read a token or a quoted string; return it and where it ends, None if there is none."""
    if value[position : position + 1] == b'"':
        return read_quoted(value, position)
    found = _TOKEN.match(value, position)
    return (found[0], found.end()) if found else None
