"""The author filter: a malformed sender, or a message without exactly one author domain, is refused.

What authentication says is worthless if readers can disagree on who the author is (RFC 9989 §11.5).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from relayguard import (
    Ambiguity,
    Cap,
    Effect,
    Envelope,
    Headers,
    Reject,
    Role,
    Services,
    Session,
    comes_from_outside,
    hookimpl,
    oddities_of,
    read_authors,
)
from relayguard_plugins.authors import OddAuthor, SeveralAuthors


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.author]`` table.

    `several_domains` says whether a message whose authors have several domains, up to four, is refused, or left
    to the dmarc filter, which evaluates each and takes the strictest.
    """

    several_domains: Literal["reject", "evaluate"] = "reject"


class AuthorFilter:
    """Refuses what other software may read in two ways; incoming mail only."""

    follows_profile: ClassVar[bool] = True

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        self._metrics = services.metrics

    @hookimpl
    def mail_from(self, session: Session, envelope: Envelope) -> Iterator[Effect]:
        """RFC 5321 §4.2.2: 501 for a sender that is no mailbox."""
        defect = envelope.sender.defect
        if defect and comes_from_outside(session, envelope):
            yield Reject(text=f"Malformed sender address: {defect}", code=501, enhanced="5.1.7")

    @hookimpl
    def end_of_headers(self, session: Session, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        """RFC 5322 §3.6: exactly one From field; RFC 9989 §5.3.1: of one domain. A relay of our own is not judged."""
        if envelope.role is not Role.INCOMING:
            return
        authors = read_authors(headers)
        if authors.ambiguity is Ambiguity.TOO_LARGE and headers.complete:
            self._metrics.cap_hit(Cap.FROM_SIZE)
        oddities = oddities_of(headers.all("From")[0].value, authors.mailboxes) if authors.mailboxes else None
        if oddities:
            yield OddAuthor(oddities=oddities)
        if authors.ambiguity is Ambiguity.SEVERAL_DOMAINS and self._options.several_domains == "evaluate":
            yield SeveralAuthors(domains=authors.domains)
        elif authors.ambiguity is not None and comes_from_outside(session, envelope):
            detail = f" ({authors.detail})" if authors.detail else ""
            yield Reject(text=f"Message must have one author domain: {authors.ambiguity}{detail}")
