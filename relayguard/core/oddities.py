"""What is odd about a From field that can be read: legal, and yet meant to be read in two ways, or not at all."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import pairwise

from relayguard.core.encoded_words import decode_words, is_undecodable
from relayguard.core.mailboxes import Mailbox, plain_mailbox
from relayguard.core.tokens import AT, OPEN, Kind, Malformed, Token, tokens_of


class Oddity(StrEnum):
    """One odd thing; none of them is forbidden, and most honest mail has none."""

    SEVERAL = "several"
    """More than one author."""
    GROUP = "group"
    """A group of mailboxes, with a name (RFC 6854)."""
    ROUTE = "route"
    """A source route before the address (RFC 5322 §4.4)."""
    COMMENT = "comment"
    """A comment: some readers show it as the name."""
    QUOTED_LOCAL_PART = "quoted_local_part"
    """The local part is a quoted string."""
    ENCODED_ADDRESS = "encoded_address"
    """The address itself looks like an encoded word, which it must not be (RFC 2047 §5)."""
    ADDRESS_IN_NAME = "address_in_name"
    """The display name holds an ``@``, encoded or not."""
    INVISIBLE = "invisible"
    """The display name has characters that are not seen, or turn the direction of reading."""
    PADDED = "padded"
    """The display name pushes the address out of sight with white space."""
    NOT_UTF8 = "not_utf8"
    """The display name holds bytes that are not UTF-8."""
    UNDECODED = "undecoded"
    """The display name has an encoded word (RFC 2047) that cannot be decoded."""


_PADDING = re.compile(r"[ \t\u00a0\u2000-\u200a\u3000]{20}")
_LONG_NAME = 200
# What almost every name is: words that are seen, one space between them.
_PLAIN_NAME = re.compile(r"[!-?A-~]*+(?: [!-?A-~]++)*+\Z")


def oddities_of(value: bytes, mailboxes: Iterable[Mailbox]) -> frozenset[Oddity]:
    """Return what is odd about a From value and the mailboxes that were read from it. Never raises; linear."""
    mailboxes = tuple(mailboxes)
    try:
        found = set() if plain_mailbox(value) else _odd_syntax(tokens_of(value))
    except Malformed:
        return frozenset()
    if len(mailboxes) > 1:
        found.add(Oddity.SEVERAL)
    for mailbox in mailboxes:
        if "=?" in mailbox.local or "=?" in mailbox.domain:
            found.add(Oddity.ENCODED_ADDRESS)
        # An encoded word may hold dots, which are tokens of their own.
        encoded = mailbox.name.replace(" . ", ".")
        if "=?" in encoded and is_undecodable(encoded):
            found.add(Oddity.UNDECODED)
        name = decode_words(encoded)
        if len(name) > _LONG_NAME or not _PLAIN_NAME.match(name):
            found |= {oddity for oddity, is_there in _NAMES if is_there(name)}
    return frozenset(found)


def _odd_syntax(tokens: list[Token]) -> set[Oddity]:
    return {oddity for oddity, is_there in _SYNTAX if is_there(tokens)}


def _is_invisible(name: str) -> bool:
    # Format, control, private and unassigned characters; what is plain ASCII is seen.
    return not (name.isascii() and name.isprintable()) and any(
        unicodedata.category(char) in ("Cf", "Cc", "Co", "Cn", "Zl", "Zp") for char in name
    )


def _follows(tokens: list[Token], first: Kind | Token, second: Token) -> bool:
    plain = [token for token in tokens if token[0] is not Kind.COMMENT]
    return any(after == second and first in (before, before[0]) for before, after in pairwise(plain))


_SYNTAX: tuple[tuple[Oddity, Callable[[list[Token]], bool]], ...] = (
    (Oddity.COMMENT, lambda tokens: any(kind is Kind.COMMENT for kind, _ in tokens)),
    (Oddity.GROUP, lambda tokens: (Kind.SPECIAL, b";") in tokens),
    (Oddity.ROUTE, lambda tokens: _follows(tokens, OPEN, AT)),
    (Oddity.QUOTED_LOCAL_PART, lambda tokens: _follows(tokens, Kind.QUOTED, AT)),
)
_NAMES: tuple[tuple[Oddity, Callable[[str], bool]], ...] = (
    (Oddity.ADDRESS_IN_NAME, lambda name: "@" in name),
    (Oddity.INVISIBLE, _is_invisible),
    (Oddity.PADDED, lambda name: len(name) > _LONG_NAME or _PADDING.search(name) is not None),
    (Oddity.NOT_UTF8, lambda name: "\ufffd" in name),
)
