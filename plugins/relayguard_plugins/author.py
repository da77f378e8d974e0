"""The author filter: a malformed sender, or a message without exactly one author domain, is refused.

What authentication says is worthless if readers can disagree on who the author is (RFC 9989 §11.5).
"""

from collections.abc import Iterator
from typing import ClassVar

from relayguard import Effect, Envelope, Headers, Reject, Role, hookimpl, read_authors


class AuthorFilter:
    """Refuses what other software may read in two ways; incoming mail only."""

    follows_profile: ClassVar[bool] = True

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        """RFC 5321 §4.2.2: 501 for a sender that is no mailbox."""
        defect = envelope.sender.defect
        if defect and envelope.role is Role.INCOMING:
            yield Reject(text=f"Malformed sender address: {defect}", code=501, enhanced="5.1.7")

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        """RFC 5322 §3.6: exactly one From field; RFC 9989 §5.3.1: of one domain."""
        if envelope.role is not Role.INCOMING:
            return
        authors = read_authors(headers)
        if authors.ambiguity is not None:
            detail = f" ({authors.detail})" if authors.detail else ""
            yield Reject(text=f"Message must have one author domain: {authors.ambiguity}{detail}")
