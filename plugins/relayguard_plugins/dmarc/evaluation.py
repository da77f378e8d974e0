"""DMARC of one author domain: a pure function of the authenticated identifiers and the DNS answers."""

from collections.abc import Iterable
from dataclasses import dataclass

from relayguard import (
    Answer,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Question,
    RecordType,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Status,
)
from relayguard_plugins.dmarc.record import Record
from relayguard_plugins.dmarc.tree import (
    Answers,
    Found,
    Unknown,
    organisational_domain,
    questions,
    record_of,
    walk,
)

_LOWERED = {
    DmarcPolicy.REJECT: DmarcPolicy.QUARANTINE,
    DmarcPolicy.QUARANTINE: DmarcPolicy.NONE,
    DmarcPolicy.NONE: DmarcPolicy.NONE,
}


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The domains that passed, and those of which a check could not tell."""

    spf: tuple[str, ...] = ()
    dkim: tuple[str, ...] = ()
    spf_unknown: tuple[str, ...] = ()
    dkim_unknown: tuple[str, ...] = ()


def identifiers_in(results: Results) -> Identifiers:
    """Read the identifiers from the results. Only MAIL FROM's SPF counts (RFC 9989 §4.4.2)."""
    spf = [each for each in results.of(SpfResult) if each.identity is SpfIdentity.MAIL_FROM and each.domain]
    dkim = [each for each in results.of(DkimResult) if each.domain]
    return Identifiers(
        tuple(each.domain for each in spf if each.value is SpfValue.PASS),
        tuple(dict.fromkeys(each.domain for each in dkim if each.value is DkimValue.PASS)),
        tuple(each.domain for each in spf if each.value is SpfValue.TEMPERROR),
        tuple(dict.fromkeys(each.domain for each in dkim if each.value is DkimValue.TEMPERROR)),
    )


def existence_question(domain: str) -> Question:
    """Return the question whose NXDOMAIN means that a domain does not exist (RFC 9989 §3.2.14)."""
    return Question(domain, RecordType.A)


def needed(author: str, identifiers: Identifiers) -> set[Question]:
    """Return every question that the evaluation may need: asked at once, not one after another."""
    others = (identifiers.spf, identifiers.dkim, identifiers.spf_unknown, identifiers.dkim_unknown)
    domains = {author, *(domain for group in others for domain in group if _may_align(author, domain))}
    return {existence_question(author), *(question for domain in domains for question in questions(domain))}


def evaluate(author: str, identifiers: Identifiers, answers: Answers, *, incomplete: bool = False) -> DmarcResult:
    """Evaluate DMARC for the author domain (in A-labels). `incomplete` says that a check before lost its findings."""
    try:
        return _Evaluation(author, answers).result(identifiers, incomplete=incomplete)
    except Unknown as unknown:
        return DmarcResult(value=DmarcValue.TEMPERROR, domain=author, reason=str(unknown))


class _Evaluation:
    def __init__(self, author: str, answers: Answers) -> None:
        self._author = author
        self._answers = answers
        self._organisations: dict[str, str] = {}

    def result(self, identifiers: Identifiers, *, incomplete: bool) -> DmarcResult:
        found = self._policy_record()
        policy = _published(found, self._author, self._answers) if found is not None else None
        if found is None or policy is None:
            return DmarcResult(value=DmarcValue.NONE, domain=self._author)
        record = found.record
        value, reason = DmarcValue.FAIL, None
        if self._aligned(identifiers.spf, strict=record.strict_spf) or self._aligned(
            identifiers.dkim, strict=record.strict_dkim
        ):
            value = DmarcValue.PASS
        # RFC 9989 §5.3.6: neither pass nor fail. Only what could have aligned excuses: else a stranger's
        # slow name server would turn every failure into a temporary one.
        elif self._aligned(identifiers.spf_unknown, strict=record.strict_spf):
            value, reason = DmarcValue.TEMPERROR, "SPF could not be checked"
        elif self._aligned(identifiers.dkim_unknown, strict=record.strict_dkim):
            value, reason = DmarcValue.TEMPERROR, "DKIM could not be checked"
        elif incomplete:
            value, reason = DmarcValue.TEMPERROR, "a check before did not complete"
        return DmarcResult(
            value=value,
            domain=self._author,
            policy=_LOWERED[policy] if record.testing else policy,
            record_domain=found.domain,
            reason=reason,
        )

    def _policy_record(self) -> Found | None:
        """RFC 9989 §4.10.1: the author domain's own record, else its organisation's, else the public suffix's."""
        own = record_of(self._author, self._answers)
        if own is not None:
            return Found(self._author, own)
        found = walk(self._author, self._answers)
        organisation = organisational_domain(self._author, found)
        by_domain = {each.domain: each for each in found}
        suffix = next((each for each in found if each.record.psd == "y"), None)
        return by_domain.get(organisation, suffix)

    def _aligned(self, domains: Iterable[str], *, strict: bool) -> bool:
        return any(self._aligns(domain, strict=strict) for domain in domains)

    def _aligns(self, domain: str, *, strict: bool) -> bool:
        if domain == self._author:
            return True
        if strict or not _may_align(self._author, domain):
            return False
        return self._organisation(domain) == self._organisation(self._author)

    def _organisation(self, domain: str) -> str:
        if domain not in self._organisations:
            self._organisations[domain] = organisational_domain(domain, walk(domain, self._answers))
        return self._organisations[domain]


def _may_align(author: str, domain: str) -> bool:
    """Domains with different top-level labels have no organisation in common; nothing need be asked."""
    return author.rpartition(".")[2] == domain.rpartition(".")[2]


def _published(found: Found, author: str, answers: Answers) -> DmarcPolicy | None:
    """Return the policy that the owner published for this author domain; None for no DMARC at all."""
    record = found.record
    if not record.valid:
        # RFC 9989 §4.7: an unreadable policy is p=none if somebody wants reports, else no record.
        return DmarcPolicy.NONE if record.reported_to else None
    policy = record.policy or DmarcPolicy.NONE
    if found.domain == author:
        return policy
    policy = record.subdomain_policy or policy
    if record.nonexistent_policy is not None and record.nonexistent_policy is not policy:
        return _for_nonexistent(record, policy, answers[existence_question(author)])
    return policy


def _for_nonexistent(record: Record, policy: DmarcPolicy, existence: Answer) -> DmarcPolicy:
    if existence.status is Status.TEMPERROR:
        raise Unknown("no answer on whether the author domain exists")
    nonexistent = record.nonexistent_policy
    return nonexistent if existence.status is Status.NXDOMAIN and nonexistent is not None else policy
