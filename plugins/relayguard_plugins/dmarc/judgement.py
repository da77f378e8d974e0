"""What is done about a failure: a function of the owner's policy, the evidence, and the postmaster's exceptions."""

from dataclasses import replace

from relayguard import (
    Defer,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Override,
    OverrideKind,
    Quarantine,
    Reject,
    Verdict,
)
from relayguard_plugins.dmarc.evidence import Evidence

_STRENGTH: dict[type[object], int] = {Reject: 3, Defer: 2, Quarantine: 1, type(None): 0}
# Among several authors: a failure that leads to something, then what could be one.
_URGENCY = {
    DmarcValue.TEMPERROR: 4,
    DmarcValue.PERMERROR: 3,
    DmarcValue.FAIL: 2,
    DmarcValue.NONE: 1,
    DmarcValue.PASS: 0,
}


def judge(result: DmarcResult, evidence: Evidence, *, never_reject: bool) -> DmarcResult:
    """Return `result` with what is to be applied, and why that is not the policy; only a failure changes."""
    if result.value is not DmarcValue.FAIL or result.policy is None:
        return result
    applied, override = _applied(result.policy, evidence, never_reject=never_reject)
    return replace(result, applied=applied, overrides=(*result.overrides, *filter(None, [override])))


def strictest(judged: list[tuple[DmarcResult, Verdict | None]]) -> tuple[DmarcResult, Verdict | None]:
    """Return the one of several authors' results that leads to most, with its verdict (RFC 9989 §11.5)."""
    return max(judged, key=lambda each: (_STRENGTH[type(each[1])], _URGENCY[each[0].value]))


def verdict_of(result: DmarcResult, evidence: Evidence) -> Verdict | None:
    """Return the verdict that a judged result asks for."""
    failed = f"DMARC of {result.domain} failed, its policy is {result.policy}"
    if result.applied in (DmarcPolicy.QUARANTINE, DmarcPolicy.REJECT) and evidence.unknown is not None:
        return Defer(text=f"{failed}, and who forwarded it cannot be checked now", enhanced="4.7.0")
    if result.applied is DmarcPolicy.REJECT:
        return Reject(text=failed)
    return Quarantine(reason=failed) if result.applied is DmarcPolicy.QUARANTINE else None


def _applied(policy: DmarcPolicy, evidence: Evidence, *, never_reject: bool) -> tuple[DmarcPolicy, Override | None]:
    if policy is DmarcPolicy.NONE:
        return policy, None
    if evidence.forwarder is not None:
        return DmarcPolicy.NONE, Override(OverrideKind.TRUSTED_FORWARDER, evidence.forwarder)
    if policy is DmarcPolicy.REJECT and never_reject:
        return DmarcPolicy.QUARANTINE, Override(OverrideKind.LOCAL_POLICY, "never_reject")
    # RFC 9989 §7.4: a mailing list is no reason to deliver without a mark, but one not to refuse.
    if policy is DmarcPolicy.REJECT and evidence.mailing_list:
        return DmarcPolicy.QUARANTINE, Override(OverrideKind.MAILING_LIST, "List-Id")
    return policy, None
