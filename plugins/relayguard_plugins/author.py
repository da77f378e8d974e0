"""The author filter: a malformed sender, or a message without exactly one author domain, is refused.

What authentication says is worthless if readers can disagree on who the author is (RFC 9989 §11.5).
"""

from collections.abc import Iterator
from typing import ClassVar

from relayguard import (
    Ambiguity,
    Cap,
    Effect,
    Envelope,
    Headers,
    Reject,
    Services,
    Session,
    comes_from_outside,
    hookimpl,
    read_authors,
)


class AuthorFilter:
    """Refuses what other software may read in two ways; incoming mail only."""

    follows_profile: ClassVar[bool] = True

    def __init__(self, services: Services) -> None:
        self._metrics = services.metrics

    @hookimpl
    def mail_from(self, session: Session, envelope: Envelope) -> Iterator[Effect]:
        """RFC 5321 §4.2.2: 501 for a sender that is no mailbox."""
        defect = envelope.sender.defect
        if defect and comes_from_outside(session, envelope):
            yield Reject(text=f"Malformed sender address: {defect}", code=501, enhanced="5.1.7")

    @hookimpl
    def end_of_headers(self, session: Session, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        """RFC 5322 §3.6: exactly one From field; RFC 9989 §5.3.1: of one domain."""
        if not comes_from_outside(session, envelope):
            return
        authors = read_authors(headers)
        if authors.ambiguity is Ambiguity.TOO_LARGE and headers.complete:
            self._metrics.cap_hit(Cap.FROM_SIZE)
        if authors.ambiguity is not None:
            detail = f" ({authors.detail})" if authors.detail else ""
            yield Reject(text=f"Message must have one author domain: {authors.ambiguity}{detail}")
