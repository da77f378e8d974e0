import pytest

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
from relayguard_plugins.dmarc.judgement import judge, strictest, verdict_of

NONE, QUARANTINE, REJECT = DmarcPolicy.NONE, DmarcPolicy.QUARANTINE, DmarcPolicy.REJECT
FORWARDED, LISTED, NOTHING = Evidence(forwarder="client 192.0.2.7"), Evidence(mailing_list=True), Evidence()
FORWARDER = Override(OverrideKind.TRUSTED_FORWARDER, "client 192.0.2.7")
LIST = Override(OverrideKind.MAILING_LIST, "List-Id")
LOCAL = Override(OverrideKind.LOCAL_POLICY, "never_reject")


def failed(policy: DmarcPolicy | None, *, value: DmarcValue = DmarcValue.FAIL) -> DmarcResult:
    return DmarcResult(value=value, domain="example.com", policy=policy)


ROWS = [
    (NONE, NOTHING, False, NONE, ()),
    (NONE, FORWARDED, False, NONE, ()),
    (NONE, LISTED, True, NONE, ()),
    (QUARANTINE, NOTHING, False, QUARANTINE, ()),
    (QUARANTINE, LISTED, False, QUARANTINE, ()),
    (QUARANTINE, NOTHING, True, QUARANTINE, ()),
    (QUARANTINE, FORWARDED, False, NONE, (FORWARDER,)),
    (REJECT, NOTHING, False, REJECT, ()),
    (REJECT, LISTED, False, QUARANTINE, (LIST,)),
    (REJECT, NOTHING, True, QUARANTINE, (LOCAL,)),
    (REJECT, LISTED, True, QUARANTINE, (LOCAL,)),
    (REJECT, FORWARDED, True, NONE, (FORWARDER,)),
]


@pytest.mark.parametrize(("policy", "evidence", "never_reject", "applied", "overrides"), ROWS)
def test_what_is_applied_follows_from_policy_evidence_and_exceptions(
    policy: DmarcPolicy,
    evidence: Evidence,
    never_reject: bool,  # noqa: FBT001
    applied: DmarcPolicy,
    overrides: tuple[Override, ...],
) -> None:
    judged = judge(failed(policy), evidence, never_reject=never_reject)
    assert (judged.applied, judged.overrides) == (applied, overrides)


@pytest.mark.parametrize("value", [DmarcValue.PASS, DmarcValue.TEMPERROR, DmarcValue.NONE, DmarcValue.PERMERROR])
def test_only_a_failure_is_judged(value: DmarcValue) -> None:
    result = failed(REJECT, value=value)
    assert judge(result, NOTHING, never_reject=False) is result
    assert verdict_of(result, NOTHING) is None


TEXT = "DMARC of example.com failed, its policy is reject"


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (NOTHING, Reject(text=TEXT)),
        (LISTED, Quarantine(reason=TEXT)),
        (FORWARDED, None),
        (
            Evidence(unknown="ARC: timeout"),
            Defer(text=f"{TEXT}, and who forwarded it cannot be checked now", enhanced="4.7.0"),
        ),
    ],
)
def test_the_verdict_is_what_is_applied_or_to_wait_where_evidence_may_still_come(
    evidence: Evidence, verdict: object
) -> None:
    assert verdict_of(judge(failed(REJECT), evidence, never_reject=False), evidence) == verdict


def test_of_several_results_the_one_that_leads_to_most_is_taken() -> None:
    defer = Defer(text="DNS")
    judged: list[tuple[DmarcResult, Verdict | None]] = [
        (failed(REJECT, value=DmarcValue.PASS), None),
        (failed(None, value=DmarcValue.NONE), None),
        (failed(NONE), None),
        (failed(None, value=DmarcValue.PERMERROR), None),
        (failed(None, value=DmarcValue.TEMPERROR), None),
        (failed(QUARANTINE), Quarantine(reason=TEXT)),
        (failed(None, value=DmarcValue.TEMPERROR), defer),
        (failed(REJECT), defer),
        (failed(REJECT), Reject(text=TEXT)),
    ]
    for last in range(1, len(judged) + 1):
        taken = strictest(judged[:last][::-1])
        assert taken[1] == judged[last - 1][1]
        assert taken[0].value is judged[last - 1][0].value or taken[1] == defer
