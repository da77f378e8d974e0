from typing import Any

import pytest

from bench.peers import C_PAIR, NATIVE, OPENDKIM, RELAYGUARD, RSPAMD, TWO_WORKERS
from bench.report import markdown, text
from bench.results import Engine, Hostility, Measured, Memory, Results
from bench.targets import Outcome, Row, rows

SETS = (("10K", 10, "warm"), ("10K", 50, "warm"), ("2K", 10, "warm"), ("75K", 10, "warm"), ("1M", 10, "warm"))
OTHERS = (("cold-1", 10, "cold"), ("10K", 4, "late"), ("late-signed-1", 4, "late"), ("late-unsigned-1", 4, "late"))
SLOW = tuple((name, at, "slow") for at in (1, 10, 50) for name in ("10K", f"slow-{at}-1"))


def measured(subject: str, cost: float, **changes: Any) -> list[Measured]:
    usual: dict[str, Any] = {
        "subject": subject, "messages": 100, "errors": 0, "cpu_ms": cost, "per_second": 500, "p50_ms": cost,
        "p99_ms": 10 * cost, "eoh_p50_ms": cost, "rss_mb": 50, "pss_mb": 30, "queries": 1, "foreign": 0, "calibration": 9,
    }  # fmt: skip
    return [
        Measured(**{**usual, "set": name, "concurrency": concurrency, "dns": dns, **changes})
        for name, concurrency, dns in (*SETS, *OTHERS, *SLOW)
    ]


def results(*found: list[Measured], **changes: Any) -> Results:
    usual: dict[str, Any] = {"when": "now", "cores": 2, "quick": True, "versions": {"relayguard": "1"}, "skipped": ()}
    return Results(**{**usual, "measured": tuple(each for more in found for each in more), **changes})


def row(found: Results, beginning: str) -> Row:
    return next(each for each in rows(found) if each.what.startswith(beginning))


@pytest.mark.parametrize(("ours", "outcome"), [(1.0, Outcome.MET), (2.0, Outcome.MISSED)])
def test_cost_is_judged_by_the_peers_cost_in_the_same_run(ours: float, outcome: Outcome) -> None:
    found = results(measured(RELAYGUARD, ours), *(measured(peer, 1.5) for peer in (C_PAIR, OPENDKIM, RSPAMD)))
    for beginning in ("CPU per message, 2K", "CPU per message, 1M", "CPU per message, 10K, every", "latency"):
        assert row(found, beginning).outcome is outcome
        assert row(found, beginning).peer


def test_a_missed_row_is_shown_as_missed() -> None:
    found = results(measured(RELAYGUARD, 2.0), measured(C_PAIR, 1.5))
    assert "MISSED" in text(found)
    assert "| MISSED |" in markdown(found, "what a person says")


def test_without_the_peer_nothing_is_claimed() -> None:
    assert row(results(measured(RELAYGUARD, 1.0)), "CPU per message, 2K").outcome is Outcome.UNKNOWN


def test_the_middle_of_several_rounds_counts() -> None:
    ours = [measured(RELAYGUARD, cost) for cost in (1.0, 1.2, 9.0)]
    assert row(results(*ours, measured(C_PAIR, 1.5)), "CPU per message, 75K").measured == "1.20 ms"


def test_a_second_worker_must_add_something() -> None:
    one, two = measured(RELAYGUARD, 1.0), measured(TWO_WORKERS, 1.0, per_second=550)
    assert row(results(one, two), "throughput").outcome is Outcome.MISSED
    assert row(results(one, measured(TWO_WORKERS, 1.0, per_second=700)), "throughput").outcome is Outcome.MET
    assert row(results(one), "throughput").outcome is Outcome.UNKNOWN


def test_memory_that_grows_is_missed() -> None:
    flat = Memory(subject=RELAYGUARD, messages=(1, 2, 3, 4), rss_mb=(60, 70, 70, 70), added_by_50_mb=1)
    growing = flat.model_copy(update={"rss_mb": (60, 70, 75, 79)})
    assert row(results(memory=(flat,)), "the same, flat").outcome is Outcome.MET
    assert row(results(memory=(growing,)), "the same, flat").outcome is Outcome.MISSED
    assert row(results(memory=(growing,)), "memory of a worker").outcome is Outcome.MET


def test_the_worst_hostile_message_is_named_by_its_size() -> None:
    small = Hostility(attack="small", subject=RELAYGUARD, megabytes=0, cpu_ms=60, errors=0, refused=False)
    large = Hostility(attack="large", subject=RELAYGUARD, megabytes=10, cpu_ms=90, errors=0, refused=False)
    found = row(results(hostility=(large, small)), "worst hostile")
    assert "small" in found.measured
    assert found.outcome is Outcome.MISSED
    assert row(results(hostility=(large,)), "worst hostile").outcome is Outcome.MET


def test_a_hostile_message_without_an_answer_is_no_cheap_one() -> None:
    gone = Hostility(attack="gone", subject=RELAYGUARD, megabytes=1, cpu_ms=0, errors=8, refused=False)
    found = row(results(hostility=(gone,)), "worst hostile")
    assert found.outcome is Outcome.MISSED
    assert "no answer to gone" in found.measured


def test_the_engine_is_judged_without_metrics_and_log() -> None:
    found = row(results(engine=Engine(bare_ms=0.4, observed_ms=0.5)), "engine")
    assert found.outcome is Outcome.MET
    assert "0.50 with metrics" in found.measured


@pytest.mark.parametrize(("added", "outcome"), [(100.0, Outcome.MET), (101.0, Outcome.MISSED)])
def test_what_a_filter_adds_is_bounded(added: float, outcome: Outcome) -> None:
    assert row(results(added_us={"spoof": added}), "added by the spoof").outcome is outcome
    assert row(results(), "added by the spoof").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("ours", "outcome"), [(0.8, Outcome.MET), (0.81, Outcome.MISSED)])
def test_the_native_transport_must_cost_a_share_of_the_peers_cost(ours: float, outcome: Outcome) -> None:
    found = results(measured(NATIVE, ours), measured(RSPAMD, 1.0))
    assert row(found, "native: CPU per message, 2K").outcome is outcome
    assert f"{ours:.2f} of it" in row(found, "native: CPU per message, 2K").measured


def test_half_and_a_third_of_the_c_pair_are_told_apart() -> None:
    found = [each for each in rows(results(measured(NATIVE, 0.4), measured(C_PAIR, 1.0))) if C_PAIR in each.target]
    judged = {each.target: each.outcome for each in found if each.what == "native: CPU per message, 75K"}
    assert judged == {f"≤ 0.5 of {C_PAIR}": Outcome.MET, f"≤ 0.33 of {C_PAIR}": Outcome.MISSED}


def test_what_holds_of_one_transport_says_nothing_of_the_other() -> None:
    found = results(measured(RELAYGUARD, 1.0), measured(C_PAIR, 1.5))
    assert row(found, "CPU per message, 10K, every name cold").outcome is Outcome.MET
    assert row(found, "native: CPU per message, 10K, every name cold").outcome is Outcome.UNKNOWN


def test_while_dns_is_slow_the_fastest_peer_counts() -> None:
    ours = measured(NATIVE, 1.0, per_second=600)
    slow, fast = measured(C_PAIR, 1.0, per_second=300), measured(RSPAMD, 1.0, per_second=700)
    known = "native: throughput at 50, DNS 30 ms late, names known"
    assert row(results(ours, slow), known).outcome is Outcome.MET
    found = row(results(ours, slow, fast), known)
    assert found.outcome is Outcome.MISSED
    assert found.peer == f"700 /s ({RSPAMD})"
    assert row(results(ours), known).outcome is Outcome.UNKNOWN


def test_of_cold_names_who_asks_for_dkim_alone_is_no_measure() -> None:
    found = results(measured(NATIVE, 1.0, per_second=600), measured(OPENDKIM, 1.0, per_second=700))
    assert row(found, "native: throughput at 1, DNS 30 ms late, every name cold").outcome is Outcome.UNKNOWN
    assert row(found, "native: throughput at 1, DNS 30 ms late, names known").outcome is Outcome.MISSED
