"""Signals of the display name: addresses, domains and people that it shows and the address is not of."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from relayguard import Headers, Mailbox, Oddity, decode_words, lies_under, oddities_of, to_a_labels
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.organisations import same_organisation
from relayguard_plugins.spoof.signals import Signal, Suspicion

MAX_NAME = 400
"""So much of a display name is looked at; no reader shows more."""

# An address, or a domain, in the middle of text. Possessive: a name of dots and letters must cost no more than its length.
_ADDRESS = re.compile(r"[^\s@<>()\"',;:]{1,64}+@([^\s@<>()\"',;:]{1,253}+)")
_DOMAIN = re.compile(r"(?<![\w@.-])((?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}+)(?![\w.-]*@)")

# What joins and turns letters belongs to the writing of these (Unicode 15, chapter 9 and 12).
_JOINED = ("ARABIC", "HEBREW", "SYRIAC", "THAANA", "NKO", "DEVANAGARI", "BENGALI", "TAMIL", "TELUGU", "SINHALA")
_JOINERS = frozenset("\u200c\u200d\u200e\u200f\u061c")


def shown_name(mailbox: Mailbox) -> str:
    """Return the display name as a reader shows it, cut at what is looked at."""
    return decode_words(mailbox.name.replace(" . ", "."))[:MAX_NAME]


def addresses_in(name: str, author: str) -> Iterator[Suspicion]:
    """Another address in the name than that of the author's organisation."""
    for found in _ADDRESS.finditer(name):
        domain = to_a_labels(found[1].rstrip("."))
        if domain is not None and "." in domain and not same_organisation(domain, author):
            yield suspicion(Signal.NAME_ADDRESS, f"the name shows {found[0]}, the address is of {author}")
            return


def domains_in(name: str, author: str, protected: Callable[[str], str | None]) -> Iterator[Suspicion]:
    """A protected domain in the name, where the author is of another organisation."""
    shown = [found[1] for found in _ADDRESS.finditer(name)] + [found[1] for found in _DOMAIN.finditer(name)]
    for text in shown:
        domain = to_a_labels(text.rstrip(".").lower())
        whose = protected(domain) if domain is not None else None
        if whose is not None and not same_organisation(whose, author):
            yield suspicion(Signal.NAME_DOMAIN, f"the name shows {whose}, the address is of {author}")
            return


def hidden(headers: Headers, mailboxes: Sequence[Mailbox]) -> Iterator[Suspicion]:
    """What the From field hides from who reads it."""
    field = headers.first("From")
    oddities = oddities_of(field.value, mailboxes) if field is not None else frozenset()
    found = [_SAID[oddity] for oddity in _HIDING if oddity in oddities]
    if Oddity.INVISIBLE in oddities and any(_hides(shown_name(mailbox)) for mailbox in mailboxes):
        found.append("invisible characters")
    if found:
        yield suspicion(Signal.HIDDEN_TEXT, f"From has {', '.join(found)}")


_SAID = {
    Oddity.PADDED: "a name that pushes the address out of sight",
    Oddity.ENCODED_ADDRESS: "an encoded word for an address",
    Oddity.ROUTE: "a source route",
}
_HIDING = tuple(_SAID)


def _hides(name: str) -> bool:
    """Tell whether there are invisible characters that its writing does not need."""
    written = "".join(char for char in name if char not in _JOINERS)
    if any(
        unicodedata.category(char) in ("Cf", "Cc", "Co", "Cn", "Zl", "Zp") and not _is_emoji_part(char)
        for char in written
    ):
        return True
    joiners = len(name) != len(written)
    return joiners and not any(
        unicodedata.name(char, "").startswith((*_JOINED, "EMOJI")) or _is_symbol(char) for char in written
    )


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char) == "So"


def _is_emoji_part(char: str) -> bool:
    # Flags of regions are written with tags (UTS 51 §1.4.6).
    return "\U000e0020" <= char <= "\U000e007f"


def covered(domain: str, names: Sequence[str]) -> str | None:
    """Return which of `names` the domain is, or lies under."""
    return next((name for name in names if lies_under(domain, name)), None)
