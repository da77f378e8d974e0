import pytest

from relayguard import Decision, Defer, Discard, Outcome, Quarantine, Reject, Verdict
from relayguard.core.decision import OUTCOMES, decide
from relayguard.core.verdicts import STRENGTH, Given


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Reject(), Outcome.REJECTED),
        (Defer(), Outcome.DEFERRED),
        (Quarantine(), Outcome.QUARANTINED),
        (Discard(), Outcome.DISCARDED),
    ],
)
def test_a_verdict_decides_and_its_filter_is_named(verdict: Verdict, outcome: Outcome) -> None:
    assert decide(Given("spam", verdict)) == Decision(outcome, verdict, "spam")


def test_without_a_verdict_the_message_goes_on() -> None:
    assert decide(None) == Decision(Outcome.ACCEPTED)


def test_every_verdict_has_an_outcome_of_its_own() -> None:
    assert set(OUTCOMES) == set(STRENGTH)
    assert len(set(OUTCOMES.values())) == len(OUTCOMES)
