"""Signals of the display name: addresses, domains and people that it shows and the address is not of."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from relayguard import (
    Address,
    Headers,
    Mailbox,
    Oddity,
    decode_words,
    group_names,
    lies_under,
    oddities_of,
    to_a_labels,
)
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.claimed import from_fields
from relayguard_plugins.spoof.organisations import same_organisation
from relayguard_plugins.spoof.signals import Signal, Suspicion

MAX_NAME = 400
"""So much of a display name is looked at; no reader shows more."""

_MAX_COMMENTS = 5
_MAX_COMMENTED = 2000

# An address, or a domain, in the middle of text. Possessive: a name of dots and letters must cost no more than its length.
_ADDRESS = re.compile(r"[^\s@<>()\"',;:]{1,64}+@([^\s@<>()\"',;:]{1,253}+)")
_DOMAIN = re.compile(r"(?<![\w-])((?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}+)(?![\w-])")

# What is not seen, beside the format characters (Unicode, Default_Ignorable_Code_Point; and the Braille blank).
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# What joins and turns letters belongs to the writing of these.
_JOINED = (
    *("ARABIC", "HEBREW", "SYRIAC", "THAANA", "NKO", "MONGOLIAN"),
    *("DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "ORIYA", "KANNADA", "MALAYALAM", "SINHALA", "TAMIL", "TELUGU"),
    *("KHMER", "LAO", "MYANMAR", "THAI", "TIBETAN"),
)
_JOINERS = frozenset("\u200b\u200c\u200d\u200e\u200f\u061c")
_ENCODED_WORD = re.compile(rb"=\?[\w.:*-]{1,40}+\?[BbQq]\?[^?\r\n]{0,1000}+\?=")
_MAX_UNREADABLE = 4096
_FLAG = "\U0001f3f4"


def shown_names(headers: Headers, mailboxes: Sequence[Mailbox]) -> list[str]:
    """Return what readers may show as the author's name: display names, of groups too, and comments, cut to size."""
    names = [mailbox.name for mailbox in mailboxes]
    for field in from_fields(headers):
        if b":" in field.value:
            names += group_names(field.value)[:_MAX_COMMENTS]
        if b"(" in field.value:
            names += islice(_comments_in(field.text[:_MAX_COMMENTED]), _MAX_COMMENTS)
    return [name for name in (_decoded(name)[:MAX_NAME] for name in names) if name]


def _decoded(name: str) -> str:
    # An encoded word may hold dots, which are tokens of their own.
    return decode_words(name.replace(" . ", "."))


def _comments_in(text: str) -> Iterator[str]:
    """Yield the outermost comments of a field, with those within them (RFC 5322 §3.2.2). Linear."""
    depth, quoted, comment = 0, False, ""
    chars = iter(text)
    for char in chars:
        shown = next(chars, "") if char == "\\" else char
        if shown is not char or char not in '"()' or (char == '"' and depth) or (char != '"' and quoted):
            comment += shown if depth else ""
        elif char == '"':
            quoted = not quoted
        else:
            depth = max(0, depth + (1 if char == "(" else -1))
            if depth:
                # The brackets within it part what it says.
                comment += char
            elif comment:
                yield comment[1:]
                comment = ""


def legible(name: str) -> str:
    """Return a name as it looks: compatibility characters as the plain ones, and without what is not seen."""
    if name.isascii():
        return name
    plain = unicodedata.normalize("NFKC", name[:MAX_NAME]).replace("\u3002", ".")
    return "".join(char for char in plain if not _is_unseen(char))[:MAX_NAME]


def _is_unseen(char: str) -> bool:
    return char in _UNSEEN or "\ufe00" <= char <= "\ufe0f" or unicodedata.category(char) in ("Cf", "Cc")


def addresses_in(name: str, author: str, known: Sequence[str] = ()) -> Iterator[Suspicion]:
    """Another address in the name than one of the author's organisation, or one of those `known`."""
    passed = {address.casefold() for address in known}
    for found in _ADDRESS.finditer(name):
        domain = to_a_labels(found[1].rstrip("."))
        if domain is None or "." not in domain or same_organisation(domain, author):
            continue
        if found[0].casefold() not in passed:
            yield suspicion(Signal.NAME_ADDRESS, f"the name shows {found[0]}, the address is of {author}")
            return


def domains_in(
    name: str, author: str, protected: Callable[[str], str | None], known: Sequence[str] = ()
) -> Iterator[Suspicion]:
    """A protected domain in the name, or one that looks like it, and the author is of another organisation.

    Those of the addresses `known` do not count.
    """
    shown = [found[1] for found in _ADDRESS.finditer(name)] + [found[1] for found in _DOMAIN.finditer(name)]
    passed = [author, *(address.rpartition("@")[2] for address in known)]
    for text in shown:
        domain = to_a_labels(text.rstrip(".").lower())
        whose = protected(domain) if domain is not None else None
        if whose is not None and not any(same_organisation(whose, each) for each in passed):
            yield suspicion(Signal.NAME_DOMAIN, f"the name shows {whose}, the address is of {author}")
            return


def hidden(
    headers: Headers, mailboxes: Sequence[Mailbox], names: Sequence[str], sender: Address, *, unread: bool
) -> Iterator[Suspicion]:
    """What the From field, or MAIL FROM, hides from who reads it; `unread` if nobody can say who the authors are."""
    values = [field.value for field in from_fields(headers)]
    oddities = frozenset[Oddity]().union(*(oddities_of(value, mailboxes) for value in values))
    if unread and any(_encodes_address(value[:_MAX_UNREADABLE]) for value in values):
        oddities |= {Oddity.ENCODED_ADDRESS}
    found = [said for oddity, said in _SAID.items() if oddity in oddities]
    if any(not name.isascii() and _hides(name) for name in names):
        found.append("invisible characters")
    # RFC 5321 Appendix C: it is ignored, and hosts of this century send none.
    route = ["MAIL FROM has a source route"] if sender.domain and sender.raw.startswith((b"@", b"<@")) else []
    if found or route:
        yield suspicion(Signal.HIDDEN_TEXT, "; ".join(([f"From has {', '.join(found)}"] if found else []) + route))


def _encodes_address(value: bytes) -> bool:
    """Tell whether a From field that nobody can read has an address in an encoded word (RFC 2047 §5 forbids it)."""
    words = (found[0].decode("ascii", "replace") for found in _ENCODED_WORD.finditer(value))
    return any("@" in word or "@" in decode_words(word) for word in words)


_SAID = {
    Oddity.PADDED: "a name that pushes the address out of sight",
    Oddity.ENCODED_ADDRESS: "an encoded word for an address",
    Oddity.ROUTE: "a source route",
    Oddity.UNDECODED: "an encoded word that nobody can decode",
}
_LEFT_TO_RIGHT = "\u200e\u202a\u202c\u2066\u2068\u2069 "
_TURNING = frozenset("\u202a\u202b\u202c\u2066\u2067\u2068\u2069")


def _hides(name: str) -> bool:
    """Tell whether there are invisible characters that its writing does not need."""
    written = [char for char in name if char not in _JOINERS and char not in _TURNING and char not in "\ufeff\u00ad"]
    if any(_is_hiding(char, name) for char in written):
        return True
    needs = any(
        unicodedata.name(char, "").startswith(_JOINED) or unicodedata.category(char) == "So" for char in written
    )
    # Around a name they turn nothing: address books put them there.
    return not needs and any(char in _JOINERS or char in _TURNING for char in name.strip(_LEFT_TO_RIGHT))


def _is_hiding(char: str, name: str) -> bool:
    if "\U000e0020" <= char <= "\U000e007f":
        # Flags of regions are written with tags behind a black flag (UTS 51 §1.4.6).
        return _FLAG not in name
    return char in _UNSEEN or unicodedata.category(char) in ("Cf", "Cc", "Co", "Zl", "Zp")


def covered(domain: str, names: Sequence[str]) -> str | None:
    """Return which of `names` the domain is, or lies under."""
    return next((name for name in names if lies_under(domain, name)), None)
