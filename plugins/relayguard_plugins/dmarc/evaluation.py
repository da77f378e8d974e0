"""DMARC of one author domain: a pure function of the authenticated identifiers and the DNS answers, and who asks them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from relayguard import (
    Answer,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Override,
    OverrideKind,
    Question,
    RecordType,
    Resolver,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Status,
    lies_under,
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


class Identifiers(NamedTuple):
    """The domains that passed, and those of which a check could not tell."""

    spf: tuple[str, ...] = ()
    dkim: tuple[str, ...] = ()
    spf_unknown: tuple[str, ...] = ()
    dkim_unknown: tuple[str, ...] = ()


NOTHING = Identifiers()
"""What is known before any check has ended."""


def identifiers_in(results: Results, *, permissive: bool = True) -> Identifiers:
    """Read the identifiers from the results. Only MAIL FROM's SPF counts (RFC 9989 §4.4.2).

    Without `permissive`, a pass by a record that lets a large part of the internet pass does not.
    """
    spf = [
        each
        for each in results.of(SpfResult)
        if each.identity is SpfIdentity.MAIL_FROM and each.domain and (permissive or not each.permissive)
    ]
    dkim = [each for each in results.of(DkimResult) if each.domain]
    return Identifiers(
        tuple(each.domain for each in spf if each.value is SpfValue.PASS),
        tuple(dict.fromkeys(each.domain for each in dkim if each.value is DkimValue.PASS)),
        tuple(each.domain for each in spf if each.value is SpfValue.TEMPERROR),
        tuple(dict.fromkeys(each.domain for each in dkim if each.value is DkimValue.TEMPERROR)),
    )


class Undecided(Exception):
    """The policy depends on whether the author domain exists, which nobody was asked."""


def existence_question(domain: str) -> Question:
    """Return the question whose NXDOMAIN means that a domain does not exist (RFC 9989 §3.2.13)."""
    return Question(domain, RecordType.A)


def needed(author: str, identifiers: Identifiers = NOTHING) -> frozenset[Question]:
    """Return every question that the evaluation needs: asked at once, not one after another.

    The `existence_question` is none of them: it decides on next to no message.
    """
    groups = (identifiers.spf, identifiers.dkim, identifiers.spf_unknown, identifiers.dkim_unknown)
    others = {domain for group in groups for domain in group if domain != author and _may_align(author, domain)}
    if not others:
        return _of_author(author)
    return _of_author(author).union(*map(questions, others))


@lru_cache(maxsize=1024)
def _of_author(author: str) -> frozenset[Question]:
    return frozenset(questions(author))


async def check(
    resolver: Resolver, author: str, identifiers: Identifiers, treat_as: DmarcPolicy | None = None
) -> DmarcResult:
    """Ask for what is needed, and evaluate."""
    answers = await resolver.resolve_all(needed(author, identifiers))
    try:
        return evaluate(author, identifiers, answers, treat_as)
    except Undecided:
        existence = await resolver.resolve_all([existence_question(author)])
        return evaluate(author, identifiers, {**answers, **existence}, treat_as)


def evaluate(
    author: str, identifiers: Identifiers, answers: Answers, treat_as: DmarcPolicy | None = None
) -> DmarcResult:
    """Evaluate DMARC for the author domain (in A-labels); `treat_as` stands in for the policy of its owner.

    Raises Undecided if the answers to what is `needed` are not enough.
    """
    try:
        return _Evaluation(author, answers).result(identifiers, treat_as)
    except Unknown as unknown:
        return DmarcResult(value=DmarcValue.TEMPERROR, domain=author, reason=str(unknown))


class _Evaluation:
    def __init__(self, author: str, answers: Answers) -> None:
        self._author = author
        self._answers = answers
        self._organisations: dict[str, str] = {}

    def result(self, identifiers: Identifiers, treat_as: DmarcPolicy | None) -> DmarcResult:
        found = self._policy_record()
        if (found is None or not found.record.applies) and treat_as is not None:
            found = Found(self._author, Record())
        if found is None or not found.record.applies:
            return DmarcResult(value=DmarcValue.NONE, domain=self._author)
        value, reason = self._outcome(found.record, identifiers)
        policy: DmarcPolicy | None = None
        overrides: tuple[Override, ...] = ()
        # RFC 9989 §5.3.6: without an outcome there is nothing to apply a policy to.
        if value is not DmarcValue.TEMPERROR:
            policy, overrides = self._policy(found, value, treat_as)
        return DmarcResult(
            value=value,
            domain=self._author,
            policy=policy,
            record_domain=found.domain,
            overrides=overrides if value is DmarcValue.FAIL else (),
            reason=reason,
        )

    def _policy(
        self, found: Found, value: DmarcValue, treat_as: DmarcPolicy | None
    ) -> tuple[DmarcPolicy | None, tuple[Override, ...]]:
        if treat_as is not None:
            return treat_as, (Override(OverrideKind.LOCAL_POLICY, f"treat_as {treat_as}"),)
        try:
            published = _published(found, self._author, self._answers)
        except Unknown:
            # What passes, passes under any policy.
            if value is not DmarcValue.PASS:
                raise
            return None, ()
        policy = _LOWERED[published] if found.record.testing else published
        if policy is published:
            return policy, ()
        return policy, (Override(OverrideKind.POLICY_TEST_MODE, f"published {published}"),)

    def _outcome(self, record: Record, identifiers: Identifiers) -> tuple[DmarcValue, str | None]:
        unknown: Unknown | None = None
        for domain, strict, value, reason in _candidates(record, identifiers):
            try:
                if self._aligns(domain, strict=strict):
                    return value, reason
            except Unknown as error:
                unknown = unknown or error
        # RFC 9989 §5.3.6: neither pass nor fail, if what could have passed is not known.
        if unknown is not None:
            return DmarcValue.TEMPERROR, str(unknown)
        return DmarcValue.FAIL, None

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

    def _aligns(self, domain: str, *, strict: bool) -> bool:
        if domain == self._author:
            return True
        # An organisation's domains lie under it. Nothing else is walked: else whoever sends a failure could
        # make it a temporary error, with a name server of his own that does not answer.
        if strict or not _may_align(self._author, domain) or not lies_under(domain, self._organisation(self._author)):
            return False
        return self._organisation(domain) == self._organisation(self._author)

    def _organisation(self, domain: str) -> str:
        if domain not in self._organisations:
            self._organisations[domain] = organisational_domain(domain, walk(domain, self._answers))
        return self._organisations[domain]


def _may_align(author: str, domain: str) -> bool:
    """Domains with different top-level labels have no organisation in common; nothing need be asked."""
    return author.rpartition(".")[2] == domain.rpartition(".")[2]


def _candidates(record: Record, identifiers: Identifiers) -> Iterator[tuple[str, bool, DmarcValue, str | None]]:
    """Yield each domain with its alignment mode, and the outcome if it is aligned; what passed comes first."""
    groups = (
        (identifiers.spf, record.strict_spf, DmarcValue.PASS, None),
        (identifiers.dkim, record.strict_dkim, DmarcValue.PASS, None),
        (identifiers.spf_unknown, record.strict_spf, DmarcValue.TEMPERROR, "SPF could not be checked"),
        (identifiers.dkim_unknown, record.strict_dkim, DmarcValue.TEMPERROR, "DKIM could not be checked"),
    )
    for domains, strict, value, reason in groups:
        for domain in domains:
            yield domain, strict, value, reason


def _published(found: Found, author: str, answers: Answers) -> DmarcPolicy:
    """Return the policy that the owner published for this author domain; raises Unknown."""
    record = found.record
    # RFC 9989 §4.10.1: an unreadable policy is none; §4.7: and so is an absent one.
    policy = (record.policy or DmarcPolicy.NONE) if record.valid else DmarcPolicy.NONE
    if record.valid and found.domain != author:
        policy = record.subdomain_policy or policy
        if record.nonexistent_policy not in (None, policy):
            policy = _for_nonexistent(record, policy, answers.get(existence_question(author)))
    return policy


def _for_nonexistent(record: Record, policy: DmarcPolicy, existence: Answer | None) -> DmarcPolicy:
    if existence is None:
        raise Undecided
    if existence.status is Status.TEMPERROR:
        raise Unknown("no answer on whether the author domain exists")
    nonexistent = record.nonexistent_policy
    return nonexistent if existence.status is Status.NXDOMAIN and nonexistent is not None else policy
