"""A strict reader of mailbox lists (RFC 5322 §3.4) on bytes, in one pass over the tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from relayguard.core.tokens import (
    AT,
    CLOSE,
    COLON,
    COMMA,
    DOT,
    MAX_BYTES,
    MAX_TOKENS,
    OPEN,
    Kind,
    Malformed,
    Token,
    tokens_of,
)

MAX_MAILBOXES = 100

__all__ = ["MAX_BYTES", "MAX_MAILBOXES", "Mailbox", "Malformed", "group_names", "parse_mailboxes", "plain_mailbox"]

# One address in ASCII, alone or behind a name: what almost every author is. Without backtracking.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_WHITE = r"[ \t\r\n]*+"
_NAME = rf'(?:"([^"\\\r\n\x80-\xff]*+)"|({_ATOM}(?: {_ATOM})*+))'
_ADDRESS = rf"({_ATOM}(?:\.{_ATOM})*+)@({_ATOM}(?:\.{_ATOM})*+)"
_PLAIN = re.compile(rf"{_WHITE}(?:{_NAME}?{_WHITE}<{_ADDRESS}>|{_ADDRESS}){_WHITE}\Z".encode())


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox. `name` is the display name as it stands, decoded as UTF-8, quotes removed."""

    name: str
    local: str
    domain: str


def parse_mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a From value, groups unfolded; raises Malformed.

    An unquoted address in a display name counts as a mailbox of its own: readers differ on which is meant.

    >>> parse_mailboxes(b' "Bob, Jr." <bob@example.com>')
    (Mailbox(name='Bob, Jr.', local='bob', domain='example.com'),)
    """
    plain = plain_mailbox(value)
    return (plain,) if plain is not None else _parse(value)


def plain_mailbox(value: bytes) -> Mailbox | None:
    """Return the mailbox of a From value that holds but one, and nothing that is odd in its syntax; else None."""
    found = _PLAIN.match(value) if len(value) <= MAX_TOKENS else None
    if found is None:
        return None
    quoted, phrase, local, domain, lone_local, lone_domain = found.groups()
    return Mailbox(
        (quoted or phrase or b"").decode("ascii"),
        (local or lone_local).decode("ascii"),
        (domain or lone_domain).decode("ascii"),
    )


def group_names(value: bytes) -> tuple[str, ...]:
    """Return the names of the groups in a From value; none of one that cannot be read.

    >>> group_names(b' "The Cooks": a@example.com, b@example.com;')
    ('The Cooks',)
    """
    names: list[str] = []
    try:
        tokens = [token for token in tokens_of(value) if token[0] is not Kind.COMMENT]
    except Malformed:
        return ()
    element: list[Token] = []
    in_angle = False
    for token in tokens:
        in_angle = token == OPEN or (in_angle and token != CLOSE)
        if token == COLON and not in_angle:
            names.append(_phrase_text(element))
        if token[0] is Kind.SPECIAL and token != DOT and not in_angle:
            element = []
        else:
            element.append(token)
    return tuple(names)


def _parse(value: bytes) -> tuple[Mailbox, ...]:
    mailboxes: list[Mailbox] = []
    tokens = [token for token in tokens_of(value) if token[0] is not Kind.COMMENT]
    for element in _elements(tokens):
        mailboxes += _mailbox(element)
        if len(mailboxes) > MAX_MAILBOXES:
            raise Malformed(f"more than {MAX_MAILBOXES} mailboxes")
    return tuple(mailboxes)


def _elements(tokens: list[Token]) -> Iterator[list[Token]]:
    """Split at commas and around groups; a comma or colon inside angle brackets belongs to a route."""
    element: list[Token] = []
    in_angle = in_group = False
    for token in tokens:
        special = token[1] if token[0] is Kind.SPECIAL else b""
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


def _mailbox(tokens: list[Token]) -> list[Mailbox]:
    if not tokens:
        return []
    if OPEN not in tokens:
        return [_addr_spec("", tokens)]
    start = tokens.index(OPEN)
    if tokens[-1] != CLOSE:
        raise Malformed("something follows the address")
    phrase, inside = tokens[:start], _without_route(tokens[start + 1 : -1])
    if OPEN in inside or CLOSE in inside:
        raise Malformed("angle brackets within angle brackets")
    mailbox = _addr_spec(_phrase_text(phrase), inside)
    if _is_phrase(phrase):
        return [mailbox]
    return [_addr_spec("", phrase), mailbox]


def _without_route(tokens: list[Token]) -> list[Token]:
    """RFC 5322 §4.4: an obsolete route is accepted and ignored, but only if it is one: ``@a.example,@b.example:``."""
    if tokens[:1] != [AT]:
        return tokens
    if COLON not in tokens:
        raise Malformed("a route does not end")
    end = tokens.index(COLON)
    for hop in _split(tokens[:end], COMMA):
        if hop[:1] != [AT] or not _alternates(hop[1:], (Kind.ATOM,)):
            raise Malformed("malformed route")
    return tokens[end + 1 :]


def _split(tokens: list[Token], separator: Token) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token == separator:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _is_phrase(tokens: list[Token]) -> bool:
    # RFC 5322 §4.1: obs-phrase allows dots.
    return all(kind in (Kind.ATOM, Kind.QUOTED) or (kind, text) == DOT for kind, text in tokens)


def _phrase_text(tokens: list[Token]) -> str:
    return b" ".join(text for _, text in tokens).decode("utf-8", "replace")


def _addr_spec(name: str, tokens: list[Token]) -> Mailbox:
    if tokens.count(AT) != 1:
        raise Malformed("an address must have exactly one @")
    at = tokens.index(AT)
    local, domain = tokens[:at], tokens[at + 1 :]
    # A root dot is no part of RFC 5322's grammar, but changes nothing: example.com. is example.com.
    if len(domain) > 1 and domain[-1] == DOT:
        domain = domain[:-1]
    if len(domain) == 1 and domain[0][0] is Kind.LITERAL:
        domain_text = domain[0][1]
    elif _alternates(domain, (Kind.ATOM,)):
        domain_text = b"".join(text for _, text in domain)
    else:
        raise Malformed("malformed domain")
    if not _alternates(local, (Kind.ATOM, Kind.QUOTED)):
        raise Malformed("malformed local part")
    local_text = b"".join(text for _, text in local)
    try:
        return Mailbox(name, local_text.decode("utf-8"), domain_text.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("an address is not UTF-8") from None


def _alternates(tokens: list[Token], words: tuple[Kind, ...]) -> bool:
    """Tell whether words and dots alternate, beginning and ending with a word."""
    return len(tokens) % 2 == 1 and all(
        (token == DOT) if index % 2 else (token[0] in words) for index, token in enumerate(tokens)
    )
