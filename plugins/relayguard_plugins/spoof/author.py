"""Signals about the author's and the sender's domain: whose they are, and who vouches for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relayguard import (
    Ambiguity,
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
from relayguard_plugins.spoof.signals import STRENGTHS, Signal, Strength, Suspicion

_EXCUSED = frozenset({OverrideKind.TRUSTED_FORWARDER})


@dataclass(frozen=True, slots=True)
class Vouched:
    """The domains that somebody vouches for: by a DKIM signature, and by SPF of MAIL FROM; in A-labels.

    `author` is the domain that passed DMARC; `forwarded` that one whom we trust handed the message on. `unsure` means
    that a check failed, or could not be made: then nothing may be concluded from what did not pass.
    """

    dkim: frozenset[str]
    spf: frozenset[str]
    author: str | None = None
    forwarded: bool = False
    unsure: bool = False

    def for_domain(self, domain: str) -> bool:
        """Tell whether anything that passed speaks for `domain`."""
        return domain == self.author or any(
            lies_under(signer, domain) or lies_under(domain, signer) for signer in self.dkim | self.spf
        )


def vouched_by(results: Results) -> Vouched:
    """Read off the results who vouches for what."""
    dkim, spf, dmarc = results.of(DkimResult), results.of(SpfResult), results.of(DmarcResult)
    sender = [each for each in spf if each.identity is SpfIdentity.MAIL_FROM]
    return Vouched(
        dkim=frozenset(each.domain for each in dkim if each.value is DkimValue.PASS),
        spf=frozenset(each.domain for each in sender if each.value is SpfValue.PASS),
        author=next((each.domain for each in dmarc if each.value is DmarcValue.PASS), None),
        forwarded=any(override.kind in _EXCUSED for each in dmarc for override in each.overrides),
        unsure=any(results.failed(name) for name in ("spf", "dkim", "dmarc"))
        or any(each.value is DkimValue.TEMPERROR for each in dkim)
        or any(each.value is SpfValue.TEMPERROR for each in sender)
        or any(each.value is DmarcValue.TEMPERROR for each in dmarc),
    )


def own_domains(
    own: Sequence[str], authors: Authors, envelope: Envelope, headers: Headers, vouched: Vouched
) -> Iterator[Suspicion]:
    """Own domains in From or MAIL FROM of mail that comes from outside, with nothing that vouches for them."""
    if vouched.forwarded or vouched.unsure:
        return
    through = list_of(headers, vouched)
    for signal, domain in (
        (Signal.OWN_AUTHOR, authors.domain),
        (Signal.OWN_SENDER, envelope.sender.domain),
    ):
        if domain and any(lies_under(domain, each) for each in own) and not vouched.for_domain(domain):
            # Lists break signatures of our own people. Who forges may pretend to be a list: it is a sign, no excuse.
            strength = min(STRENGTHS[signal], Strength.MEDIUM) if through else STRENGTHS[signal]
            by_list = f", through a list of {through}" if through else ""
            yield Suspicion(
                signal=signal, strength=strength, evidence=f"{domain} from outside, nothing vouches for it{by_list}"
            )


def list_of(headers: Headers, vouched: Vouched) -> str | None:
    """Return the domain of the mailing list that a message came through, if a signature or SPF speaks for the list."""
    field = headers.first("List-Id")
    # RFC 2919 §3: the identifier stands in angle brackets, behind a phrase.
    identifier = field.text[-512:].rpartition("<")[2].rstrip("> \t") if field is not None else ""
    domain = to_a_labels(identifier.lower())
    if domain is None or "." not in domain:
        return None
    return next((each for each in vouched.dkim | vouched.spf if same_organisation(each, domain)), None)


def ambiguous(authors: Authors) -> Iterator[Suspicion]:
    """A From field that can be read in several ways, or that says nothing."""
    if authors.ambiguity is not None and authors.ambiguity is not Ambiguity.TOO_LARGE:
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
