"""The spoof filter: gathers the signals of incoming mail, and does what the policy says of those that are enforced."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar

from relayguard import (
    AddHeader,
    Authors,
    Effect,
    Envelope,
    Headers,
    Mailbox,
    Result,
    Results,
    Services,
    Session,
    Verdict,
    comes_from_outside,
    contains,
    hookimpl,
    lies_under,
    panels,
    printable,
    read_authors,
    to_a_labels,
)
from relayguard_plugins.dmarc.evaluation import identifiers_in
from relayguard_plugins.dmarc.evidence import NOBODY, Witness
from relayguard_plugins.dmarc.options import trusted_by
from relayguard_plugins.spoof import author, fields, names, people
from relayguard_plugins.spoof.claimed import Claimed, claimed_in
from relayguard_plugins.spoof.options import Options, matcher
from relayguard_plugins.spoof.panels import ROWS
from relayguard_plugins.spoof.policy import verdict_of
from relayguard_plugins.spoof.protected import Protected
from relayguard_plugins.spoof.reachable import question, reachable
from relayguard_plugins.spoof.signals import Signal, Strength, Suspicion

HEADER = "X-Relayguard-Spoof"

_OWN = (Signal.OWN_AUTHOR, Signal.OWN_AUTHOR_LISTED, Signal.OWN_SENDER)
_MAX_AUTHORS = 4
"""So many names are looked at, and so many domains looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldBe(Result):
    """What would have been done, were the signals in shadow enforced, too."""

    verdict: Verdict

    def noted(self) -> str:
        """``spoof would quarantine``."""
        return f"spoof would {type(self.verdict).__name__.lower()}"


@dataclass(frozen=True, slots=True)
class _Mail:
    """One message, and what was found of it before; `claimed` are those whom readers may take for its `authors`."""

    envelope: Envelope
    headers: Headers
    authors: Authors
    claimed: Claimed
    results: Results
    vouched: author.Vouched
    answers: tuple[Mailbox, ...] | None


class SpoofFilter:
    """Yields a `Suspicion` for each signal, and one verdict for those that are enforced."""

    after: ClassVar[frozenset[str]] = frozenset({"author", "arc", "dmarc"})
    follows_profile: ClassVar[bool] = True
    refresh_seconds: ClassVar[float] = 30.0
    rows: ClassVar[tuple[panels.Row, ...]] = ROWS

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        self._resolver = services.resolver
        self._protected = Protected(options, services.files)
        # Without them all our own mail from outside would seem to be forged.
        own = any(options.setting(each) != "off" for each in _OWN) and bool(options.own_domains)
        self.requires = frozenset({*(["spf", "dkim"] if own else []), *(["arc"] if options.trusted_sealers else [])})
        self._trusted = trusted_by(options)
        self._settings = {signal: options.setting(signal) for signal in Signal}
        self._strengths: Mapping[Signal, Strength] = {
            signal: Strength[name.upper()] for signal, name in options.strengths.items()
        }
        exempt = options.exempt
        self._sender, self._recipient = matcher(exempt.sender), matcher(exempt.recipient)
        self._own = [to_a_labels(name) or "" for name in options.own_domains]
        self._signers = [to_a_labels(name) or "" for name in exempt.dkim_domain]
        self._lists = [to_a_labels(name) or "" for name in exempt.list]
        self._asks = any(self._settings[each] != "off" for each in (Signal.UNKNOWN_DOMAIN, Signal.UNREACHABLE_DOMAIN))
        self._counted = services.metrics.counter(
            "relayguard_spoof_signals_total",
            "Signals that incoming mail gave, by whether they are enforced.",
            {"signal": tuple(Signal), "setting": ("shadow", "enforce")},
        )
        self._own_mail = services.metrics.counter(
            "relayguard_own_domain_mail_total",
            "Incoming mail whose author is of an own domain, by whether SPF, DKIM or DMARC speak for it.",
            {"domain": tuple(self._own), "result": tuple(author.Proof)},
        )

    def refresh(self) -> None:
        """Read the files of protected names, if they have changed."""
        self._protected.refresh()

    @hookimpl
    def end_of_headers(self, session: Session, envelope: Envelope, headers: Headers) -> None:
        """Ask for what the authors' domains need."""
        if self._asks and comes_from_outside(session, envelope):
            claimed = claimed_in(headers, read_authors(headers))
            self._resolver.prefetch([question(domain) for domain in claimed.domains[:_MAX_AUTHORS]])

    @hookimpl
    async def end_of_message(
        self, session: Session, envelope: Envelope, headers: Headers, results: Results
    ) -> AsyncIterator[Effect]:
        """Gather and judge."""
        if not comes_from_outside(session, envelope):
            return
        mail = self._mail(session, envelope, headers, results)
        self._count_own(mail)
        if self._exempt(session, mail):
            return
        found = _strongest([self._weighed(each) for each in await self._found(mail)])
        found = [each for each in found if self._settings[each.signal] != "off"]
        for each in found:
            self._counted.add(each.signal, self._settings[each.signal])
            yield each
        for effect in self._judged(found):
            yield effect

    def _mail(self, session: Session, envelope: Envelope, headers: Headers, results: Results) -> _Mail:
        authors, vouched = read_authors(headers), author.vouched_by(results)
        claimed = claimed_in(headers, authors)
        if claimed.domains and self._trusted != NOBODY:
            witness = Witness(session, headers, results, identifiers_in(results, permissive=True), self._trusted)
            # What speaks for one of several excuses none of the others.
            if all(witness.evidence_for(domain).forwarder is not None for domain in claimed.domains):
                vouched = replace(vouched, forwarded=True)
        answers = fields.mailboxes_of(headers, "Reply-To")
        return _Mail(envelope, headers, authors, claimed, results, vouched, answers)

    def _count_own(self, mail: _Mail) -> None:
        """What is of ours tells the postmaster who else sends in our name, long before anything is enforced."""
        own = filter(None, (author.own_domain_of(self._own, domain) for domain in mail.claimed.domains))
        for domain in dict.fromkeys(own):
            self._own_mail.add(domain, author.proof_of(domain, mail.vouched))

    def _judged(self, found: list[Suspicion]) -> Iterator[Effect]:
        enforced = [each for each in found if self._settings[each.signal] == "enforce"]
        verdict = verdict_of(enforced, self._options.policy)
        would_be = verdict_of(found, self._options.policy)
        if verdict is not None:
            yield verdict
        if would_be is not None and type(would_be) is not type(verdict):
            yield WouldBe(verdict=would_be)
        if found and self._options.header:
            yield AddHeader(HEADER, printable("; ".join(each.noted() for each in found), 900))

    async def _found(self, mail: _Mail) -> list[Suspicion]:
        found = [*self._of_author(mail), *self._of_names(mail), *self._of_fields(mail)]
        if self._asks:
            for domain in mail.claimed.domains[:_MAX_AUTHORS]:
                found += await reachable(domain, self._resolver)
        return found

    def _of_author(self, mail: _Mail) -> Iterator[Suspicion]:
        yield from author.own_domains(self._own, mail.claimed.domains, mail.envelope, mail.headers, mail.vouched)
        yield from author.ambiguous(mail.authors)
        yield from author.permissive(mail.results, mail.authors, mail.vouched)
        for domain in mail.claimed.domains:
            yield from self._protected.domain(domain)
        for where, domain in _domains_beside(mail):
            for found in self._protected.domain(domain):
                # Services for many put a customer's name there, and customers have the names of others.
                strength = min(found.strength, Strength.MEDIUM)
                yield replace(found, strength=strength, evidence=f"{where}: {found.evidence}")

    def _of_names(self, mail: _Mail) -> Iterator[Suspicion]:
        mailboxes = mail.claimed.mailboxes[:_MAX_AUTHORS]
        shown = names.shown_names(mail.headers, mailboxes)
        yield from names.hidden(
            mail.headers, mailboxes, shown, mail.envelope.sender, unread=not mail.authors.mailboxes
        )
        for each, mailbox in product(dict.fromkeys(map(names.legible, shown)), mailboxes):
            yield from self._of_name(each, mailbox, mail)

    def _of_name(self, name: str, mailbox: Mailbox, mail: _Mail) -> Iterator[Suspicion]:
        # An address literal is of no organisation.
        domain = to_a_labels(mailbox.domain) or mailbox.domain.lower()
        match = None if names.covered(domain, self._own) else self._protected.person(name)
        if match is not None:
            yield from people.impersonated(name, match, mailbox, domain, mail.answers, mail.vouched)
        # The person's own address or domain beside the name is the same fact, not one more.
        known = match.person.addresses if match is not None and match.exact else ()
        yield from names.addresses_in(name, domain, known)
        yield from names.domains_in(name, domain, self._protected.which, known)

    def _of_fields(self, mail: _Mail) -> Iterator[Suspicion]:
        yield from fields.repeated(mail.headers)
        yield from fields.reply_elsewhere(mail.answers, mail.headers, mail.claimed.domains, mail.vouched, self._own)
        yield from fields.weak_signature(mail.headers, mail.authors, mail.results)

    def _weighed(self, found: Suspicion) -> Suspicion:
        strength = self._strengths.get(found.signal)
        if strength is None:
            return found
        return Suspicion(signal=found.signal, strength=strength, evidence=found.evidence)

    def _exempt(self, session: Session, mail: _Mail) -> bool:
        exempt, vouched, envelope = self._options.exempt, mail.vouched, mail.envelope
        if contains(exempt.client, session.client_address):
            return True
        if any(lies_under(signer, each) for signer in vouched.dkim for each in self._signers):
            return True
        if envelope.sender.domain in vouched.spf and self._sender(envelope.sender):
            return True
        if envelope.recipients and all(map(self._recipient, envelope.recipients)):
            return True
        through = author.list_of(mail.headers, vouched) if self._lists else None
        return through is not None and any(lies_under(through, each) for each in self._lists)


def _domains_beside(mail: _Mail) -> Iterator[tuple[str, str]]:
    """What a reader may answer to, or take for the author's domain, beside From; and before each, where it stands."""
    beside = {"Reply-To": mail.answers, "Sender": fields.mailboxes_of(mail.headers, "Sender")}
    for where, mailboxes in beside.items():
        for domain in fields.domains_of(mailboxes or ()):
            if domain not in mail.claimed.domains:
                yield where, domain


def _strongest(found: list[Suspicion]) -> list[Suspicion]:
    """Of each signal one suspicion, the first of the strongest: who names several authors gives no more signals."""
    kept: dict[Signal, Suspicion] = {}
    for each in found:
        if each.signal not in kept or each.strength > kept[each.signal].strength:
            kept[each.signal] = each
    return list(kept.values())
