"""The signals: what may be wrong with a message that authentication says nothing against."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from relayguard import Result


class Strength(IntEnum):
    """How much a signal says by itself."""

    WEAK = 1
    """Honest mail has it, too: it counts beside others."""
    MEDIUM = 2
    """Seldom honest."""
    STRONG = 3
    """Honest only where somebody has forgotten to tell us."""


class Signal(StrEnum):
    """One kind of signal; the value is its name in options, logs, metrics and commands."""

    OWN_AUTHOR = "own_author"
    """The author is of an own domain, the mail comes from outside, and nothing vouches for it."""
    OWN_AUTHOR_LISTED = "own_author_listed"
    """The same through a mailing list that signs: lists break the signatures of our own people, too."""
    OWN_SENDER = "own_sender"
    """So does MAIL FROM."""
    NAME_ADDRESS = "name_address"
    """The display name shows another address than the author's."""
    NAME_DOMAIN = "name_domain"
    """The display name shows a protected domain, and the author is not of it."""
    NAME_PERSON = "name_person"
    """The display name is that of a protected person, and the address is not."""
    NAME_INITIALS = "name_initials"
    """The display name could be that of a protected person, and of many others."""
    LOOKALIKE = "lookalike"
    """The author's domain looks like a protected one."""
    MIXED_SCRIPTS = "mixed_scripts"
    """The author's domain mixes scripts, or is all of another script that looks like Latin (UTS 39 §5)."""
    UNKNOWN_DOMAIN = "unknown_domain"
    """The author's domain does not exist."""
    UNREACHABLE_DOMAIN = "unreachable_domain"
    """The author's domain takes no mail (RFC 7505, RFC 5321 §5.1)."""
    REPLY_ELSEWHERE = "reply_elsewhere"
    """Answers would go to another organisation."""
    AMBIGUOUS_AUTHOR = "ambiguous_author"
    """Readers may disagree on who the author is."""
    HIDDEN_TEXT = "hidden_text"
    """The From field hides what it says: invisible characters, padding, encoded words in an address."""
    REPEATED_HEADER = "repeated_header"
    """A field that may be there once is there again (RFC 5322 §3.6)."""
    WEAK_SIGNATURE = "weak_signature"
    """The signature that counts leaves what readers see unsigned (RFC 6376 §5.4.1, §8.2)."""
    PERMISSIVE_SPF = "permissive_spf"
    """The only thing that passed is an SPF record that lets a large part of the internet pass."""


STRENGTHS: dict[Signal, Strength] = {
    Signal.OWN_AUTHOR: Strength.STRONG,
    Signal.OWN_AUTHOR_LISTED: Strength.MEDIUM,
    Signal.OWN_SENDER: Strength.MEDIUM,
    Signal.NAME_ADDRESS: Strength.WEAK,
    Signal.NAME_DOMAIN: Strength.MEDIUM,
    Signal.NAME_PERSON: Strength.MEDIUM,
    Signal.NAME_INITIALS: Strength.WEAK,
    Signal.LOOKALIKE: Strength.STRONG,
    Signal.MIXED_SCRIPTS: Strength.MEDIUM,
    Signal.UNKNOWN_DOMAIN: Strength.MEDIUM,
    Signal.UNREACHABLE_DOMAIN: Strength.WEAK,
    Signal.REPLY_ELSEWHERE: Strength.WEAK,
    Signal.AMBIGUOUS_AUTHOR: Strength.MEDIUM,
    Signal.HIDDEN_TEXT: Strength.MEDIUM,
    Signal.REPEATED_HEADER: Strength.WEAK,
    Signal.WEAK_SIGNATURE: Strength.WEAK,
    Signal.PERMISSIVE_SPF: Strength.WEAK,
}
"""What each says unless the configuration says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion(Result):
    """A signal that a message gave, and on what evidence: text of the message, not yet safe to show."""

    signal: Signal
    strength: Strength
    evidence: str

    def noted(self) -> str:
        """``lookalike (strong): examp1e.com looks like example.com``."""
        return f"{self.signal} ({self.strength.name.lower()}): {self.evidence}"
