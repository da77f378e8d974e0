"""The tokens of address fields (RFC 5322 §3.2), on bytes, in one pass."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from itertools import islice

MAX_BYTES = 16 * 1024
MAX_TOKENS = 1000
_MAX_DEPTH = 20


class Malformed(ValueError):
    """The bytes are no address list; the message says what is wrong."""


class Kind(Enum):
    """What a token is."""

    ATOM = auto()
    QUOTED = auto()
    LITERAL = auto()
    SPECIAL = auto()
    COMMENT = auto()


Token = tuple[Kind, bytes]

# RFC 5322 §3.2.3 atext; bytes above 127 for RFC 6532.
ATOM = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\.|\r\n(?=[ \t]))*)"', re.DOTALL)
_LITERAL = re.compile(rb"\[[A-Za-z0-9:.\- ]*\]")
_COMMENT_PART = re.compile(rb"[^()\\]+|\\.|\(|\)", re.DOTALL)
_WHITE = re.compile(rb"[ \t\r\n]+")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)

AT = (Kind.SPECIAL, b"@")
DOT = (Kind.SPECIAL, b".")
COLON = (Kind.SPECIAL, b":")
COMMA = (Kind.SPECIAL, b",")
OPEN = (Kind.SPECIAL, b"<")
CLOSE = (Kind.SPECIAL, b">")


def tokens_of(value: bytes) -> list[Token]:
    """Return the tokens of a field's value, comments among them; raises Malformed. Linear."""
    if len(value) > MAX_BYTES:
        raise Malformed("too large")
    tokens = list(islice(_tokens(value), MAX_TOKENS + 1))
    if len(tokens) > MAX_TOKENS:
        raise Malformed(f"more than {MAX_TOKENS} tokens")
    return tokens


def _tokens(value: bytes) -> Iterator[Token]:
    position = 0
    while position < len(value):
        if white := _WHITE.match(value, position):
            position = white.end()
        elif value[position] == 0x28:
            end = _end_of_comment(value, position)
            yield Kind.COMMENT, value[position:end]
            position = end
        elif atom := ATOM.match(value, position):
            yield Kind.ATOM, atom[0]
            position = atom.end()
        elif quoted := _QUOTED.match(value, position):
            yield Kind.QUOTED, _ESCAPED.sub(rb"\1", quoted[1].replace(b"\r\n", b""))
            position = quoted.end()
        elif literal := _LITERAL.match(value, position):
            yield Kind.LITERAL, literal[0]
            position = literal.end()
        elif value[position] in b"<>@,;:.":
            yield Kind.SPECIAL, value[position : position + 1]
            position += 1
        else:
            raise Malformed(f"unexpected byte 0x{value[position]:02x}")


def _end_of_comment(value: bytes, position: int) -> int:
    depth = 0
    while part := _COMMENT_PART.match(value, position):
        depth += {b"(": 1, b")": -1}.get(part[0], 0)
        position = part.end()
        if depth == 0:
            return position
        if depth > _MAX_DEPTH:
            raise Malformed("comments nested too deeply")
    raise Malformed("a comment does not end")
