"""The DMARC filter: evaluates incoming mail, and acts on the owner's policy as far as the evidence goes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from relayguard import (
    Defer,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Effect,
    Envelope,
    Headers,
    IpNetwork,
    Quarantine,
    Reject,
    Results,
    Services,
    Session,
    Verdict,
    comes_from_outside,
    contains,
    hookimpl,
    read_authors,
    to_a_labels,
)
from relayguard_plugins.dkim.signature import signing_domains
from relayguard_plugins.dmarc.evaluation import Identifiers, evaluate, identifiers_in, needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.dmarc]`` table.

    `forwarders` are networks whose mail is never refused for a failure: forwarding breaks SPF, and often DKIM.
    `on_temperror` says what to do if DNS does not tell: accept, or ask the client to try again.
    """

    forwarders: tuple[IpNetwork, ...] = ()
    on_temperror: Literal["accept", "defer"] = "accept"


class DmarcFilter:
    """Yields a `DmarcResult`, and a verdict for a failure whose policy asks for one."""

    # Without one of them, honest mail would fail.
    requires: ClassVar[frozenset[str]] = frozenset({"spf", "dkim"})
    follows_profile: ClassVar[bool] = True

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        self._resolver = services.resolver

    @hookimpl
    def mail_from(self, session: Session, envelope: Envelope) -> None:
        """Ask early for what the sender's domain may need: mostly it is the author's, too."""
        domain = envelope.sender.domain
        # An address literal, or a domain of one label, is nobody's author domain.
        if comes_from_outside(session, envelope) and "." in domain and not domain.startswith("["):
            self._resolver.prefetch(needed(domain))

    @hookimpl
    def end_of_headers(self, session: Session, envelope: Envelope, headers: Headers) -> None:
        """Ask for everything that the author domain needs, at once."""
        if not comes_from_outside(session, envelope):
            return
        author = read_authors(headers).domain
        if author is not None:
            self._resolver.prefetch(needed(author))

    @hookimpl
    async def end_of_message(
        self, session: Session, envelope: Envelope, headers: Headers, results: Results
    ) -> AsyncIterator[Effect]:
        """Evaluate and judge."""
        if not comes_from_outside(session, envelope):
            return
        authors = read_authors(headers)
        if authors.domain is None:
            yield DmarcResult(value=DmarcValue.PERMERROR, reason=authors.ambiguity)
            return
        identifiers = _with_failures(identifiers_in(results), session, envelope, headers, results)
        answers = await self._resolver.resolve_all(needed(authors.domain, identifiers))
        result = evaluate(authors.domain, identifiers, answers)
        yield result
        verdict = self._verdict(result, session, headers)
        if verdict is not None:
            yield verdict

    def _verdict(self, result: DmarcResult, session: Session, headers: Headers) -> Verdict | None:
        if result.value is DmarcValue.TEMPERROR and self._options.on_temperror == "defer":
            return Defer(text=f"DMARC of {result.domain} cannot be checked now", enhanced="4.7.0")
        if result.value is not DmarcValue.FAIL or contains(self._options.forwarders, session.client_address):
            return None
        # RFC 9989 §7.4: a mailing list is no reason to deliver without a mark, but one not to refuse.
        if result.policy is DmarcPolicy.QUARANTINE or (
            result.policy is DmarcPolicy.REJECT and headers.first("List-Id") is not None
        ):
            return Quarantine(reason=f"DMARC of {result.domain} failed, its policy is {result.policy}")
        if result.policy is DmarcPolicy.REJECT:
            return Reject(text=f"DMARC of {result.domain} failed, its policy is reject")
        return None


def _with_failures(
    identifiers: Identifiers, session: Session, envelope: Envelope, headers: Headers, results: Results
) -> Identifiers:
    """Add what a failed filter would have told about: unknown, and judged for alignment like anything else."""
    if results.failed("spf"):
        domain = session.helo if envelope.sender.is_null else envelope.sender.domain
        identifiers = replace(identifiers, spf_unknown=(to_a_labels(domain) or "",))
    if results.failed("dkim"):
        identifiers = replace(identifiers, dkim_unknown=signing_domains(headers))
    return identifiers
