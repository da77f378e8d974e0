"""As whom a message is written: what the envelope and the header say, before anybody asks whether that is right."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from relayguard import Address, Ambiguity, Headers, read_authors, to_a_labels
from relayguard_plugins.sender_login.addresses import spelled, spelled_path


class Identity(StrEnum):
    """Where a message says who writes it."""

    MAIL_FROM = "mail_from"
    """The envelope sender: where bounces go."""
    FROM = "from"
    """The author that people see."""
    SENDER = "sender"
    """RFC 5322 §3.6.2: who sent it in the author's name; some programs show "on behalf of"."""


SHOWN = {Identity.MAIL_FROM: "MAIL FROM", Identity.FROM: "From", Identity.SENDER: "Sender"}
"""The identities as SMTP and the header call them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The addresses of one identity as they are compared, or why they are not clear."""

    identity: Identity
    addresses: tuple[str, ...] = ()
    unclear: str | None = None


def claim_of_envelope(sender: Address) -> Claim:
    """Return what a sender other than ``<>`` says."""
    address = spelled_path(sender)
    if address is None:
        return Claim(Identity.MAIL_FROM, unclear=f"malformed sender address ({sender.defect or 'no domain'})")
    return Claim(Identity.MAIL_FROM, (address,))


def claims_of(headers: Headers) -> Iterator[Claim]:
    """Return what From and, if there is any, Sender say. Never raises; linear in their size."""
    yield _claim(Identity.FROM, headers)
    senders = headers.all("Sender")
    # RFC 5322 §3.6.2: a Sender is a mailbox, which From's grammar covers.
    if senders:
        yield _claim(Identity.SENDER, Headers.of(*(("From", field.value) for field in senders)))


def _claim(identity: Identity, headers: Headers) -> Claim:
    authors = read_authors(headers)
    # Each of them is asked for: several are clear enough.
    if authors.ambiguity not in (None, Ambiguity.SEVERAL_DOMAINS):
        detail = f" ({authors.detail})" if authors.detail else ""
        return Claim(identity, unclear=f"{authors.ambiguity.replace('From', SHOWN[identity])}{detail}")
    found = [spelled(mailbox.local, to_a_labels(mailbox.domain) or "") for mailbox in authors.mailboxes]
    return Claim(identity, tuple(dict.fromkeys(found)))
