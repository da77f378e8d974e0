"""The DMARC filter: evaluates incoming mail, and acts on the owner's policy as far as the evidence goes."""

from collections.abc import AsyncIterator
from typing import ClassVar

from relayguard import (
    Ambiguity,
    Authors,
    Defer,
    DmarcResult,
    DmarcValue,
    Effect,
    Envelope,
    Headers,
    Results,
    Role,
    Services,
    Session,
    SpfIdentity,
    SpfResult,
    Verdict,
    comes_from_outside,
    hookimpl,
    read_authors,
    to_a_labels,
)
from relayguard_plugins.authors import SeveralAuthors
from relayguard_plugins.dkim.signature import signing_domains
from relayguard_plugins.dmarc.evaluation import Identifiers, check, identifiers_in, needed
from relayguard_plugins.dmarc.evidence import Witness
from relayguard_plugins.dmarc.judgement import judge, strictest, verdict_of
from relayguard_plugins.dmarc.options import Exceptions, Options, trusted_by


class DmarcFilter:
    """Yields a `DmarcResult`, and a verdict for a failure whose policy asks for one."""

    after: ClassVar[frozenset[str]] = frozenset({"author", "arc"})
    follows_profile: ClassVar[bool] = True

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        # Without one of them, honest mail would fail.
        self.requires = frozenset({"spf", "dkim", *(["arc"] if options.trusted_sealers else [])})
        self._trusted = trusted_by(options)
        self._exceptions = Exceptions(options)
        self._resolver = services.resolver

    @hookimpl
    def mail_from(self, session: Session, envelope: Envelope) -> None:
        """Ask early for what the sender's domain may need: mostly it is the author's, too."""
        domain = envelope.sender.domain
        # An address literal, or a domain of one label, is nobody's author domain.
        if comes_from_outside(session, envelope) and "." in domain and not domain.startswith("["):
            self._resolver.prefetch(needed(domain))

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers, results: Results) -> None:
        """Ask for everything that the author domain needs, at once."""
        if envelope.role is Role.INCOMING:
            for author in _author_domains(read_authors(headers), results):
                self._resolver.prefetch(needed(author))

    @hookimpl
    async def end_of_message(
        self, session: Session, envelope: Envelope, headers: Headers, results: Results
    ) -> AsyncIterator[Effect]:
        """Evaluate and judge. What a relay of our own has accepted is measured, and not judged a second time."""
        if envelope.role is not Role.INCOMING:
            return
        authors = read_authors(headers)
        domains = _author_domains(authors, results)
        if not domains:
            yield _without_author(authors, results)
            return
        found = identifiers_in(results, permissive=self._options.permissive_spf == "count")
        identifiers = _with_failures(found, session, envelope, headers, results)
        witness = Witness(session, headers, results, identifiers, self._trusted)
        judged = [await self._judged(domain, identifiers, witness) for domain in domains]
        result, verdict = strictest(judged)
        yield result
        if verdict is not None and comes_from_outside(session, envelope):
            yield verdict

    async def _judged(
        self, author: str, identifiers: Identifiers, witness: Witness
    ) -> tuple[DmarcResult, Verdict | None]:
        result = await check(self._resolver, author, identifiers, self._exceptions.treat_as(author))
        if result.value is DmarcValue.TEMPERROR and self._options.on_temperror == "defer":
            return result, Defer(text=f"DMARC of {result.domain} cannot be checked now", enhanced="4.7.0")
        # Evidence excuses a failure; nothing else need be excused.
        if result.value is not DmarcValue.FAIL:
            return result, None
        evidence = witness.evidence_for(author)
        result = judge(result, evidence, never_reject=self._exceptions.never_reject(author))
        return result, verdict_of(result, evidence)


def _without_author(authors: Authors, results: Results) -> DmarcResult:
    if authors.ambiguity is Ambiguity.SEVERAL_DOMAINS and results.failed("author"):
        return DmarcResult(value=DmarcValue.TEMPERROR, reason="the author could not be checked")
    return DmarcResult(value=DmarcValue.PERMERROR, reason=authors.ambiguity)


def _author_domains(authors: Authors, results: Results) -> tuple[str, ...]:
    """Return the domains to be evaluated, none if the author is not known (RFC 9989 §5.3.1)."""
    if authors.domain is not None:
        return (authors.domain,)
    return next((each.domains for each in results.of(SeveralAuthors)), ())


def _with_failures(
    identifiers: Identifiers, session: Session, envelope: Envelope, headers: Headers, results: Results
) -> Identifiers:
    """Add what is not known, because a filter failed or a relay did not tell: judged for alignment like the rest."""
    if results.failed("spf") or (session.trusted_relay and not _tells_spf(results)):
        domain = session.helo if envelope.sender.is_null else envelope.sender.domain
        identifiers = identifiers._replace(spf_unknown=(to_a_labels(domain) or "",))
    if results.failed("dkim"):
        identifiers = identifiers._replace(dkim_unknown=signing_domains(headers))
    return identifiers


def _tells_spf(results: Results) -> bool:
    return any(each.identity is SpfIdentity.MAIL_FROM for each in results.of(SpfResult))
