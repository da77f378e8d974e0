"""Signals of the display name: addresses, domains and people that it shows and the address is not of."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from relayguard import Address, Headers, Mailbox, Oddity, decode_words, lies_under, oddities_of, to_a_labels
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.organisations import same_organisation
from relayguard_plugins.spoof.signals import Signal, Suspicion

MAX_NAME = 400
"""So much of a display name is looked at; no reader shows more."""

_MAX_COMMENTS = 5

# An address, or a domain, in the middle of text. Possessive: a name of dots and letters must cost no more than its length.
_ADDRESS = re.compile(r"[^\s@<>()\"',;:]{1,64}+@([^\s@<>()\"',;:]{1,253}+)")
_DOMAIN = re.compile(r"(?<![\w-])((?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}+)(?![\w-])")
_COMMENT = re.compile(r"\(([^()]{1,400}+)\)")

# What is not seen, beside the format characters (Unicode, Default_Ignorable_Code_Point; and the Braille blank).
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# What joins and turns letters belongs to the writing of these.
_JOINED = (
    *("ARABIC", "HEBREW", "SYRIAC", "THAANA", "NKO", "MONGOLIAN"),
    *("DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "ORIYA", "KANNADA", "MALAYALAM", "SINHALA", "TAMIL", "TELUGU"),
    *("KHMER", "LAO", "MYANMAR", "THAI", "TIBETAN"),
)
_JOINERS = frozenset("\u200b\u200c\u200d\u200e\u200f\u061c")
_ENCODED_WORD = re.compile(rb"=\?[\w.:*-]{1,40}+\?[BbQq]\?[^?\r\n]{0,200}+\?=")
_MAX_UNREADABLE = 4096
_FLAG = "\U0001f3f4"


def shown_names(headers: Headers, mailboxes: Sequence[Mailbox]) -> list[str]:
    """Return what readers may show as the author's name: the display names, and comments, cut at what is looked at."""
    names = [decode_words(mailbox.name.replace(" . ", "."))[:MAX_NAME] for mailbox in mailboxes]
    field = headers.first("From")
    if field is not None and b"(" in field.value:
        names += [decode_words(found) for found in _COMMENT.findall(field.text[: 4 * MAX_NAME])[:_MAX_COMMENTS]]
    return [name for name in names if name]


def legible(name: str) -> str:
    """Return a name as it looks: compatibility characters as the plain ones, and without what is not seen."""
    if name.isascii():
        return name
    plain = unicodedata.normalize("NFKC", name[:MAX_NAME]).replace("\u3002", ".")
    return "".join(char for char in plain if not _is_unseen(char))[:MAX_NAME]


def _is_unseen(char: str) -> bool:
    return char in _UNSEEN or "\ufe00" <= char <= "\ufe0f" or unicodedata.category(char) in ("Cf", "Cc")


def addresses_in(name: str, author: str) -> Iterator[Suspicion]:
    """Another address in the name than that of the author's organisation."""
    for found in _ADDRESS.finditer(name):
        domain = to_a_labels(found[1].rstrip("."))
        if domain is not None and "." in domain and not same_organisation(domain, author):
            yield suspicion(Signal.NAME_ADDRESS, f"the name shows {found[0]}, the address is of {author}")
            return


def domains_in(name: str, author: str, protected: Callable[[str], str | None]) -> Iterator[Suspicion]:
    """A protected domain in the name, or one that looks like it, where the author is of another organisation."""
    shown = [found[1] for found in _ADDRESS.finditer(name)] + [found[1] for found in _DOMAIN.finditer(name)]
    for text in shown:
        domain = to_a_labels(text.rstrip(".").lower())
        whose = protected(domain) if domain is not None else None
        if whose is not None and not same_organisation(whose, author):
            yield suspicion(Signal.NAME_DOMAIN, f"the name shows {whose}, the address is of {author}")
            return


def shows(name: str, addresses: Sequence[str]) -> bool:
    """Tell whether the name shows one of these addresses."""
    known = {address.casefold() for address in addresses}
    return any(found[0].casefold() in known for found in _ADDRESS.finditer(name))


def hidden(
    headers: Headers, mailboxes: Sequence[Mailbox], names: Sequence[str], sender: Address
) -> Iterator[Suspicion]:
    """What the From field, or MAIL FROM, hides from who reads it."""
    field = headers.first("From")
    oddities = oddities_of(field.value, mailboxes) if field is not None else frozenset()
    found = [said for oddity, said in _SAID.items() if oddity in oddities]
    if field is not None and not mailboxes and _encodes_address(field.value[:_MAX_UNREADABLE]):
        found.append(_SAID[Oddity.ENCODED_ADDRESS])
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
}
_TURNING = frozenset("\u202a\u202b\u202c\u2066\u2067\u2068\u2069")


def _hides(name: str) -> bool:
    """Tell whether there are invisible characters that its writing does not need."""
    written = [char for char in name if char not in _JOINERS and char not in _TURNING and char not in "\ufeff\u00ad"]
    if any(_is_hiding(char, name) for char in written):
        return True
    needs = any(
        unicodedata.name(char, "").startswith(_JOINED) or unicodedata.category(char) == "So" for char in written
    )
    return not needs and any(char in _JOINERS or char in _TURNING for char in name)


def _is_hiding(char: str, name: str) -> bool:
    if "\U000e0020" <= char <= "\U000e007f":
        # Flags of regions are written with tags behind a black flag (UTS 51 §1.4.6).
        return _FLAG not in name
    return char in _UNSEEN or unicodedata.category(char) in ("Cf", "Cc", "Co", "Zl", "Zp")


def covered(domain: str, names: Sequence[str]) -> str | None:
    """Return which of `names` the domain is, or lies under."""
    return next((name for name in names if lies_under(domain, name)), None)
