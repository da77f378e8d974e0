"""Signals about the author's and the sender's domain: whose they are, and who vouches for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from relayguard import (
    Authors,
    DkimResult,
    DkimValue,
    DmarcResult,
    DmarcValue,
    Envelope,
    Headers,
    OverrideKind,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    lies_under,
    to_a_labels,
)
from relayguard_plugins.spoof.organisations import same_organisation
from relayguard_plugins.spoof.signals import STRENGTHS, Signal, Suspicion

_EXCUSED = frozenset({OverrideKind.TRUSTED_FORWARDER})


class Proof(StrEnum):
    """Whether mail that says it is of one of our domains has shown it."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    UNKNOWN = "unknown"
    """What could have shown it had no answer."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """The domains that somebody vouches for: by a DKIM signature, and by SPF of MAIL FROM; in A-labels.

    `author` is the domain that passed DMARC; `forwarded` that one whom we trust handed the message on. Of `unknown`
    domains it could not be found out; with `unsure` a check of ours failed, and nothing may be concluded at all.
    """

    dkim: frozenset[str]
    spf: frozenset[str]
    author: str | None = None
    forwarded: bool = False
    unknown: frozenset[str] = frozenset()
    unsure: bool = False

    def of(self, organisation: str) -> bool:
        """Tell whether anything that passed speaks for a domain of `organisation`, or below it."""
        passed = self.dkim | self.spf | ({self.author} if self.author is not None else set())
        return any(lies_under(each, organisation) for each in passed)

    def may_be_of(self, organisation: str) -> bool:
        """Tell whether what could not be found out might have spoken for it: the trouble of others' DNS does not."""
        return self.unsure or any(lies_under(each, organisation) for each in self.unknown)


def vouched_by(results: Results) -> Vouched:
    """Read off the results who vouches for what."""
    dkim, spf, dmarc = results.of(DkimResult), results.of(SpfResult), results.of(DmarcResult)
    sender = [each for each in spf if each.identity is SpfIdentity.MAIL_FROM]
    unknown = {each.domain for each in dkim if each.value is DkimValue.TEMPERROR}
    unknown |= {each.domain for each in sender if each.value is SpfValue.TEMPERROR}
    return Vouched(
        dkim=frozenset(each.domain for each in dkim if each.value is DkimValue.PASS),
        spf=frozenset(each.domain for each in sender if each.value is SpfValue.PASS),
        author=next((each.domain for each in dmarc if each.value is DmarcValue.PASS), None),
        forwarded=any(override.kind in _EXCUSED for each in dmarc for override in each.overrides),
        unknown=frozenset(unknown),
        unsure=any(results.failed(name) for name in ("spf", "dkim")),
    )


def own_domains(
    own: Sequence[str], domains: Sequence[str], envelope: Envelope, headers: Headers, vouched: Vouched
) -> Iterator[Suspicion]:
    """Own domains among the author's `domains`, or in MAIL FROM, of mail from outside, with nothing that vouches for them."""
    if vouched.forwarded:
        return
    author = next((found for found in (_unproven(own, each, vouched) for each in domains) if found), None)
    if author is not None:
        # Who forges may pretend to be a list, and sign: it is a sign for the message, and no excuse.
        through = list_of(headers, vouched)
        signal = Signal.OWN_AUTHOR_LISTED if through else Signal.OWN_AUTHOR
        by_list = f", through the list {through}" if through else ""
        yield suspicion(signal, f"{author} from outside, nothing vouches for it{by_list}")
    sender = _unproven(own, envelope.sender.domain, vouched)
    if sender is not None:
        yield suspicion(Signal.OWN_SENDER, f"{sender} from outside, nothing vouches for it")


def own_domain_of(own: Sequence[str], domain: str) -> str | None:
    """Return which of our domains it is, or lies under."""
    return next((each for each in own if domain and lies_under(domain, each)), None)


def proof_of(own_domain: str, vouched: Vouched) -> Proof:
    """Tell whether anything speaks for mail of one of our domains."""
    if vouched.forwarded or vouched.of(own_domain):
        return Proof.PROVEN
    return Proof.UNKNOWN if vouched.may_be_of(own_domain) else Proof.UNPROVEN


def _unproven(own: Sequence[str], domain: str, vouched: Vouched) -> str | None:
    """Return `domain` if it is of ours, and nothing speaks for any domain of the same."""
    own_domain = own_domain_of(own, domain)
    return domain if own_domain is not None and proof_of(own_domain, vouched) is Proof.UNPROVEN else None


def list_of(headers: Headers, vouched: Vouched) -> str | None:
    """Return the domain of the mailing list that a message came through, if a signature or SPF speaks for the list."""
    field = headers.first("List-Id")
    # RFC 2919 §3: the identifier stands in angle brackets, behind a phrase; comments may follow.
    identifier = field.text[-512:].rpartition("<")[2].partition(">")[0].strip(" \t") if field is not None else ""
    domain = to_a_labels(identifier.lower())
    if domain is None or "." not in domain:
        return None
    proven = any(same_organisation(each, domain) for each in vouched.dkim | vouched.spf)
    return domain if proven else None


def ambiguous(authors: Authors) -> Iterator[Suspicion]:
    """A From field that can be read in several ways, or that says nothing."""
    if authors.ambiguity is not None:
        detail = f" ({authors.detail})" if authors.detail else ""
        yield suspicion(Signal.AMBIGUOUS_AUTHOR, f"{authors.ambiguity}{detail}")


def permissive(results: Results, authors: Authors, vouched: Vouched) -> Iterator[Suspicion]:
    """Nothing but an SPF record that lets a large part of the internet pass speaks for the author."""
    domain = authors.domain
    if domain is None or any(lies_under(each, domain) or lies_under(domain, each) for each in vouched.dkim):
        return
    for each in results.of(SpfResult):
        if each.permissive and each.value is SpfValue.PASS and each.identity is SpfIdentity.MAIL_FROM:
            sender = each.domain
            if same_organisation(sender, domain):
                yield suspicion(
                    Signal.PERMISSIVE_SPF, f"all that passed is SPF of {sender}, whose record is permissive"
                )


def suspicion(signal: Signal, evidence: str) -> Suspicion:
    """Return a suspicion of the signal's usual strength."""
    return Suspicion(signal=signal, strength=STRENGTHS[signal], evidence=evidence)
