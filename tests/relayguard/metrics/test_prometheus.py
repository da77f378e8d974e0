from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from relayguard import (
    Address,
    Answer,
    AuthResult,
    Body,
    Effect,
    Envelope,
    Quarantine,
    Question,
    RecordType,
    Reject,
    Reported,
    Result,
    Role,
    Stage,
    Status,
    hookimpl,
)
from relayguard.metrics.catalog import OF_WORKERS, Kind
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.filters import Filter as BuiltFilter
from relayguard.pipeline.filters import Mode, Policy
from tests.relayguard.pipeline.rig import FROM, SHADOW, Rig, run, send


class Own(Result):
    """The result of a stranger's filter, in words that no catalogue knows."""

    def reported(self) -> Reported:
        return Reported("x-own", "splendid")


class Filter:
    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        if envelope.sender.local == "broken":
            raise RuntimeError
        yield AuthResult()
        yield Own()

    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        if recipient.local == "nobody":
            yield Reject()

    @hookimpl
    def end_of_message(self, body: Body) -> Iterator[Effect]:
        assert body.size
        yield Quarantine()


def exposed(rig: Rig) -> str:
    return generate_latest(rig.prometheus.registry).decode()


async def two_messages(rig: Rig) -> None:
    await rig.mail("a@example.org")
    await rig.rcpt("nobody@example.com")
    await rig.rcpt()
    await rig.data(FROM)
    await rig.mail("broken@example.org")


@pytest.mark.parametrize(
    "line",
    [
        'relayguard_build_info{version="0"} 1.0',
        'relayguard_connections_total{listener="default"} 1.0',
        'relayguard_sessions_active{listener="default"} 0.0',
        'relayguard_envelopes_begun_total{role="incoming"} 2.0',
        'relayguard_envelopes_total{filter="filter",outcome="quarantined",role="incoming"} 1.0',
        'relayguard_envelopes_total{filter="",outcome="aborted",role="incoming"} 1.0',
        'relayguard_recipients_refused_total{filter="filter",outcome="rejected"} 1.0',
        'relayguard_filter_failures_total{filter="filter",kind="exception",stage="mail_from"} 1.0',
        'relayguard_filter_duration_seconds_count{filter="filter",stage="mail_from"} 2.0',
        'relayguard_stage_duration_seconds_count{stage="mail_from"} 2.0',
        'relayguard_auth_results_total{method="auth",result="pass"} 1.0',
        'relayguard_auth_results_total{method="other",result="other"} 1.0',
        'relayguard_message_bytes_count{role="incoming"} 1.0',
        'relayguard_envelope_duration_seconds_count{role="incoming"} 2.0',
    ],
)
def test_what_happened_is_counted(line: str) -> None:
    rig = Rig(Filter())
    run(rig, two_messages)
    assert line in exposed(rig).splitlines()


@pytest.mark.parametrize(
    "line",
    [
        'relayguard_would_be_total{filter="filter",outcome="quarantined",role="incoming"} 1.0',
        'relayguard_envelopes_total{filter="",outcome="accepted",role="incoming"} 1.0',
        'relayguard_recipients_would_be_refused_total{filter="filter",outcome="rejected"} 1.0',
    ],
)
def test_what_would_have_happened_is_counted_beside_it(line: str) -> None:
    rig = Rig(Filter(), policy=SHADOW)
    run(rig, two_messages)
    assert line in exposed(rig).splitlines()
    assert rig.sample("relayguard_recipients_refused_total") == 0


def test_each_filter_that_runs_is_told_of_with_its_mode_for_each_role() -> None:
    metrics = PrometheusMetrics("0")
    modes = {Role.INCOMING: Mode.SHADOW, Role.SUBMISSION: Mode.ENFORCE, Role.LOCAL: Mode.ENFORCE}
    metrics.runs([BuiltFilter("strict", object(), {}, Policy(modes))])
    told = [line for line in generate_latest(metrics.registry).decode().splitlines() if "filter_info{" in line]
    assert sorted(told) == [
        'relayguard_filter_info{filter="strict",mode="enforce",role="local"} 1.0',
        'relayguard_filter_info{filter="strict",mode="enforce",role="submission"} 1.0',
        'relayguard_filter_info{filter="strict",mode="shadow",role="incoming"} 1.0',
    ]


def test_who_holds_the_loop_is_counted_by_filter_and_stage() -> None:
    metrics = PrometheusMetrics("0")
    metrics.loop_held("slow", Stage.MAIL_FROM, 0.2, moved=True)
    metrics.loop_held("slow", Stage.MAIL_FROM, 0.2, moved=False)
    text = generate_latest(metrics.registry).decode()
    assert 'relayguard_filter_loop_held_total{filter="slow",stage="mail_from"} 2.0' in text


def test_a_message_whose_decision_is_real_would_not_have_ended_otherwise() -> None:
    rig = Rig(Filter())
    send(rig)
    assert rig.sample("relayguard_would_be_total") == 0


def test_dns_is_counted_by_type_and_status() -> None:
    metrics = PrometheusMetrics("0")
    metrics.dns_answered(Question("secret.example", RecordType.TXT), Answer(status=Status.NXDOMAIN), 0.02)
    metrics.dns_cache_hit()
    text = generate_latest(metrics.registry).decode()
    assert 'relayguard_dns_queries_total{status="nxdomain",type="TXT"} 1.0' in text
    assert 'relayguard_dns_duration_seconds_count{type="TXT"} 1.0' in text
    assert "relayguard_dns_cache_hits_total 1.0" in text
    assert "secret" not in text


def test_every_metric_of_the_catalogue_is_exposed_with_its_help() -> None:
    text = generate_latest(PrometheusMetrics("0").registry).decode()
    for metric in OF_WORKERS:
        assert f"# HELP {metric.name} {metric.help}" in text
        assert f"# TYPE {metric.name} {metric.kind.value}" in text


def test_two_daemons_in_one_process_share_no_registry() -> None:
    first, second = PrometheusMetrics("1"), PrometheusMetrics("2")
    first.dns_cache_hit()
    assert "relayguard_dns_cache_hits_total 0.0" in generate_latest(second.registry).decode()
    assert {metric.kind for metric in OF_WORKERS} == set(Kind)


def test_an_authenticated_envelope_is_counted_though_no_filter_says_so() -> None:
    async def submission(rig: Rig) -> None:
        await rig.greet()
        await rig.mail(**{"{auth_authen}": "alice", "{auth_type}": "PLAIN"})
        await rig.connection.abort()

    rig = Rig()
    run(rig, submission)
    assert 'relayguard_auth_results_total{method="auth",result="pass"} 1.0' in exposed(rig).splitlines()


def test_a_filter_counts_by_itself_with_the_labels_that_it_named_and_no_others() -> None:
    metrics = PrometheusMetrics("0")
    labels = {"colour": ("red", "green")}
    counter = metrics.counter("relayguard_of_a_filter_total", "Colours.", labels)
    # A filter of two listeners asks twice.
    metrics.counter("relayguard_of_a_filter_total", "Colours.", labels).add("red")
    counter.add("red")
    assert metrics.registry.get_sample_value("relayguard_of_a_filter_total", {"colour": "red"}) == 2
    for wrong in (("blue",), (), ("red", "red")):
        with pytest.raises(ValueError, match=r"are no labels|zip\(\)"):
            counter.add(*wrong)


@pytest.mark.parametrize("name", ["bogus", "relayguard_envelopes_total", "relayguard_A_total"])
def test_a_counter_with_a_name_that_is_none_or_is_taken_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a counter"):
        PrometheusMetrics("0").counter(name, "Anything.", {})


def test_two_counters_cannot_have_one_name() -> None:
    metrics = PrometheusMetrics("0")
    metrics.counter("relayguard_of_a_filter_total", "Colours.", {"colour": ("red",)})
    with pytest.raises(ValueError, match="two counters"):
        metrics.counter("relayguard_of_a_filter_total", "Colours.", {"size": ("red",)})
