"""An envelope: one mail transaction, and the role it plays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from relayguard.core.address import Address
from relayguard.core.session import Session
from relayguard.core.slots import Slots
from relayguard.core.words import Word


class Role(Word):
    """What a mail transaction is to this relay."""

    INCOMING = "incoming"
    """Mail from elsewhere: it is verified."""

    SUBMISSION = "submission"
    """Mail of our own users, who said who they are: it is checked, limited and signed."""

    LOCAL = "local"
    """Mail that this host made itself (bounces, cron). Rejecting it would make a bounce of a bounce."""


@dataclass(slots=True, kw_only=True)
class Envelope:
    """One mail transaction. Filters read it; only the framework writes it.

    `queue_id` is None until the MTA has one (Postfix: after the first recipient).
    `parameters` are the ESMTP parameters of MAIL FROM, names in upper case (RFC 5321 §4.1.1.11).
    `login` is the authenticated user's name, None for an unauthenticated client.
    `header_size` is that of the whole header block in octets, known at the end of the headers.
    `macros` holds what the MTA said at MAIL FROM, for filters that declared ``macros``.
    """

    sender: Address
    role: Role
    recipients: list[Address] = field(default_factory=list)
    queue_id: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    login: str | None = None
    login_method: str | None = None
    macros: Mapping[str, str] = field(default_factory=dict)
    header_size: int = 0
    slots: Slots = field(default_factory=Slots, repr=False)

    @property
    def declared_size(self) -> int | None:
        """The client's SIZE= parameter in octets (RFC 1870), if it gave a valid one."""
        size = self.parameters.get("SIZE", "")
        return int(size) if size.isascii() and size.isdigit() and len(size) <= 20 else None

    @property
    def smtputf8(self) -> bool:
        """True if the client asked for SMTPUTF8 (RFC 6531)."""
        return "SMTPUTF8" in self.parameters


def decide_role(session: Session, login: str | None, submission_daemons: frozenset[str]) -> Role:
    """Decide the role of an envelope at MAIL FROM, from what the MTA vouches for; never from a header."""
    if login is not None or session.daemon_name in submission_daemons or session.submission_network:
        return Role.SUBMISSION
    if session.local:
        return Role.LOCAL
    return Role.INCOMING


def comes_from_outside(session: Session, envelope: Envelope) -> bool:
    """Tell whether nobody of ours has judged this mail yet: incoming, and not through a trusted relay.

    What a relay of our own has accepted it could only bounce, and all its mail would seem to come from itself.
    """
    return envelope.role is Role.INCOMING and not session.trusted_relay


def parse_parameters(words: tuple[str, ...]) -> dict[str, str]:
    """Read ESMTP parameters such as ``SIZE=1000``; a parameter without value maps to ``""``."""
    pairs = (word.partition("=") for word in words)
    return {name.upper(): value for name, _, value in pairs}
