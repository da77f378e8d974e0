"""The spoof filter on honest mail that looks odd: it may wonder, and must refuse nothing."""

from collections import Counter

import pytest

from relayguard.core.decision import Outcome
from relayguard_plugins.spoof.signals import Signal, Suspicion
from tests.corpus.honest import PEOPLE, PROTECTED
from tests.corpus.sending import FILTERS, Sent, run

TABLES = f"""
[filter.spoof]
own_domains = ["example.com"]
protected_domains = "{PROTECTED}"
protected_people = "{PEOPLE}"
default = "enforce"
"""

MOST = {
    Signal.REPLY_ELSEWHERE: 0.2,
    Signal.NAME_DOMAIN: 0.06,
    Signal.NAME_ADDRESS: 0.06,
    Signal.NAME_PERSON: 0.06,
    Signal.HIDDEN_TEXT: 0.04,
}
"""Of honest mail that was chosen for looking odd, no greater part may give these; of others, one in fifty."""


@pytest.fixture(scope="module")
def sent() -> dict[str, Sent]:
    return run(f"{FILTERS} spoof", TABLES)


def test_with_every_signal_enforced_no_honest_message_is_refused_or_held(sent: dict[str, Sent]) -> None:
    for name, each in sent.items():
        assert each.record is not None
        assert not any(run.failed for run in each.runs), name
        notes = [found.noted() for found in each.record.results.of(Suspicion)]
        assert each.record.decision.outcome is Outcome.ACCEPTED, f"{name}: {notes}"


def test_few_of_them_give_any_one_signal(sent: dict[str, Sent]) -> None:
    found = Counter(
        suspicion.signal
        for each in sent.values()
        if each.record is not None
        for suspicion in each.record.results.of(Suspicion)
    )
    for signal in Signal:
        rate = found[signal] / len(sent)
        print(f"{signal}: {found[signal]} of {len(sent)}")  # noqa: T201  # with pytest -s, the rates
        assert rate <= MOST.get(signal, 0.02), signal
