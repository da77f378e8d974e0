"""A strict reader of mailbox lists (RFC 5322 §3.4) on bytes, in one pass over the tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

MAX_BYTES = 16 * 1024
MAX_MAILBOXES = 100
MAX_TOKENS = 1000
_MAX_DEPTH = 20


class Malformed(ValueError):
    """The bytes are no mailbox list; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox. `name` is the display name as it stands, decoded as UTF-8, quotes removed."""

    name: str
    local: str
    domain: str


class _Kind(Enum):
    ATOM = auto()
    QUOTED = auto()
    LITERAL = auto()
    SPECIAL = auto()


_Token = tuple[_Kind, bytes]

# RFC 5322 §3.2.3 atext; bytes above 127 for RFC 6532.
_ATOM = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\.|\r\n(?=[ \t]))*)"', re.DOTALL)
_LITERAL = re.compile(rb"\[[A-Za-z0-9:.\- ]*\]")
_COMMENT_PART = re.compile(rb"[^()\\]+|\\.|\(|\)", re.DOTALL)
_WHITE = re.compile(rb"[ \t\r\n]+")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)

_AT = (_Kind.SPECIAL, b"@")
_DOT = (_Kind.SPECIAL, b".")
_COLON = (_Kind.SPECIAL, b":")
_COMMA = (_Kind.SPECIAL, b",")
_OPEN = (_Kind.SPECIAL, b"<")
_CLOSE = (_Kind.SPECIAL, b">")


def parse_mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a From value, groups unfolded; raises Malformed.

    An unquoted address in a display name counts as a mailbox of its own: readers differ on which is meant.

    >>> parse_mailboxes(b' "Bob, Jr." <bob@example.com>')
    (Mailbox(name='Bob, Jr.', local='bob', domain='example.com'),)
    """
    if len(value) > MAX_BYTES:
        raise Malformed("too large")
    mailboxes: list[Mailbox] = []
    tokens = list(islice(_tokens(value), MAX_TOKENS + 1))
    if len(tokens) > MAX_TOKENS:
        raise Malformed(f"more than {MAX_TOKENS} tokens")
    for element in _elements(tokens):
        mailboxes += _mailbox(element)
        if len(mailboxes) > MAX_MAILBOXES:
            raise Malformed(f"more than {MAX_MAILBOXES} mailboxes")
    return tuple(mailboxes)


def _tokens(value: bytes) -> Iterator[_Token]:
    position = 0
    while position < len(value):
        if white := _WHITE.match(value, position):
            position = white.end()
        elif value[position] == 0x28:
            position = _skip_comment(value, position)
        elif atom := _ATOM.match(value, position):
            yield _Kind.ATOM, atom[0]
            position = atom.end()
        elif quoted := _QUOTED.match(value, position):
            yield _Kind.QUOTED, _ESCAPED.sub(rb"\1", quoted[1].replace(b"\r\n", b""))
            position = quoted.end()
        elif literal := _LITERAL.match(value, position):
            yield _Kind.LITERAL, literal[0]
            position = literal.end()
        elif value[position] in b"<>@,;:.":
            yield _Kind.SPECIAL, value[position : position + 1]
            position += 1
        else:
            raise Malformed(f"unexpected byte 0x{value[position]:02x}")


def _skip_comment(value: bytes, position: int) -> int:
    depth = 0
    while part := _COMMENT_PART.match(value, position):
        depth += {b"(": 1, b")": -1}.get(part[0], 0)
        position = part.end()
        if depth == 0:
            return position
        if depth > _MAX_DEPTH:
            raise Malformed("comments nested too deeply")
    raise Malformed("a comment does not end")


def _elements(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Split at commas and around groups; a comma or colon inside angle brackets belongs to a route."""
    element: list[_Token] = []
    in_angle = in_group = False
    for token in tokens:
        special = token[1] if token[0] is _Kind.SPECIAL else b""
        if special in (b"<", b">"):
            in_angle = special == b"<"
        if in_angle or special not in (b",", b":", b";") or not special:
            element.append(token)
        elif special == b":":
            # RFC 5322 §3.4: what stands before is the group's name, a phrase and no address.
            if in_group or not element or not _is_phrase(element):
                raise Malformed("unexpected colon")
            in_group, element = True, []
        else:
            if special == b";" and not in_group:
                raise Malformed("unexpected semicolon")
            in_group = in_group and special == b","
            yield element
            element = []
    if in_group or in_angle:
        raise Malformed("a group or an angle bracket does not end")
    yield element


def _mailbox(tokens: list[_Token]) -> list[Mailbox]:
    if not tokens:
        return []
    if _OPEN not in tokens:
        return [_addr_spec("", tokens)]
    start = tokens.index(_OPEN)
    if tokens[-1] != _CLOSE:
        raise Malformed("something follows the address")
    phrase, inside = tokens[:start], _without_route(tokens[start + 1 : -1])
    if _OPEN in inside or _CLOSE in inside:
        raise Malformed("angle brackets within angle brackets")
    mailbox = _addr_spec(_phrase_text(phrase), inside)
    if _is_phrase(phrase):
        return [mailbox]
    return [_addr_spec("", phrase), mailbox]


def _without_route(tokens: list[_Token]) -> list[_Token]:
    """RFC 5322 §4.4: an obsolete route is accepted and ignored, but only if it is one: ``@a.example,@b.example:``."""
    if tokens[:1] != [_AT]:
        return tokens
    if _COLON not in tokens:
        raise Malformed("a route does not end")
    end = tokens.index(_COLON)
    for hop in _split(tokens[:end], _COMMA):
        if hop[:1] != [_AT] or not _alternates(hop[1:], (_Kind.ATOM,)):
            raise Malformed("malformed route")
    return tokens[end + 1 :]


def _split(tokens: list[_Token], separator: _Token) -> Iterator[list[_Token]]:
    part: list[_Token] = []
    for token in tokens:
        if token == separator:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _is_phrase(tokens: list[_Token]) -> bool:
    # RFC 5322 §4.1: obs-phrase allows dots.
    return all(kind in (_Kind.ATOM, _Kind.QUOTED) or (kind, text) == _DOT for kind, text in tokens)


def _phrase_text(tokens: list[_Token]) -> str:
    return b" ".join(text for _, text in tokens).decode("utf-8", "replace")


def _addr_spec(name: str, tokens: list[_Token]) -> Mailbox:
    if tokens.count(_AT) != 1:
        raise Malformed("an address must have exactly one @")
    at = tokens.index(_AT)
    local, domain = tokens[:at], tokens[at + 1 :]
    # A root dot is no part of RFC 5322's grammar, but changes nothing: example.com. is example.com.
    if len(domain) > 1 and domain[-1] == _DOT:
        domain = domain[:-1]
    if len(domain) == 1 and domain[0][0] is _Kind.LITERAL:
        domain_text = domain[0][1]
    elif _alternates(domain, (_Kind.ATOM,)):
        domain_text = b"".join(text for _, text in domain)
    else:
        raise Malformed("malformed domain")
    if not _alternates(local, (_Kind.ATOM, _Kind.QUOTED)):
        raise Malformed("malformed local part")
    local_text = b"".join(text for _, text in local)
    try:
        return Mailbox(name, local_text.decode("utf-8"), domain_text.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("an address is not UTF-8") from None


def _alternates(tokens: list[_Token], words: tuple[_Kind, ...]) -> bool:
    """Tell whether words and dots alternate, beginning and ending with a word."""
    return len(tokens) % 2 == 1 and all(
        (token == _DOT) if index % 2 else (token[0] in words) for index, token in enumerate(tokens)
    )
