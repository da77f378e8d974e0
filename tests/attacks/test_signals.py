"""What the spoof filter says of the published attacks, those that authentication lets pass among them."""

from dataclasses import replace

import pytest

from relayguard_plugins.spoof.signals import Signal, Suspicion
from tests.attacks.cases import Case, reachable
from tests.attacks.test_pure import play

FILTERS = ("author", "spf", "dkim", "arc", "dmarc", "spoof")

CASES = {case.id: case for case in reachable("pure") if not case.login}

EXPECTED: dict[str, set[Signal]] = {
    "E-S01": {Signal.OWN_AUTHOR, Signal.OWN_SENDER},
    "E-S08": {Signal.AMBIGUOUS_AUTHOR},
    "E-S10": {Signal.AMBIGUOUS_AUTHOR},
    "E-S14": {Signal.AMBIGUOUS_AUTHOR},
    "E-S16": {Signal.OWN_AUTHOR, Signal.HIDDEN_TEXT},
    "E-S18": {Signal.AMBIGUOUS_AUTHOR},
    "E-S19": {Signal.AMBIGUOUS_AUTHOR},
    "D-01": {Signal.WEAK_SIGNATURE},
    "D-02": {Signal.REPEATED_HEADER, Signal.OWN_AUTHOR},
    "D-04": {Signal.AMBIGUOUS_AUTHOR},
    "M-04-null": {Signal.AMBIGUOUS_AUTHOR},
    "M-06-address": {Signal.NAME_ADDRESS, Signal.NAME_DOMAIN},
    "M-06-spaces": {Signal.NAME_ADDRESS, Signal.NAME_DOMAIN, Signal.HIDDEN_TEXT},
    "M-06-bidi": {Signal.HIDDEN_TEXT},
    "M-06-unquoted": {Signal.AMBIGUOUS_AUTHOR},
    "M-07": {Signal.LOOKALIKE, Signal.MIXED_SCRIPTS},
    "P-06-counted": {Signal.PERMISSIVE_SPF},
    "W-A3": {Signal.OWN_AUTHOR},
    "W-A8": {Signal.OWN_AUTHOR},
}
"""What each of them gives at least."""


def signals(case: Case) -> set[Signal]:
    config = dict(case.config)
    tables = {**config.get("filter", {}), "spoof": {"own_domains": ["legitimate.com"]}}
    trace = play(replace(case, config={**config, "filters": FILTERS, "filter": tables}))
    assert not [run.trace for run in trace.runs if run.failed]
    results = trace.record.results if trace.record is not None else ()
    return {found.signal for found in results if isinstance(found, Suspicion)}


@pytest.mark.parametrize(("row", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_an_attack_gives_the_signals_that_it_should(row: str, expected: set[Signal]) -> None:
    assert expected <= signals(CASES[row])


@pytest.mark.long
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_attack_harms_the_filter(case: Case) -> None:
    signals(case)
