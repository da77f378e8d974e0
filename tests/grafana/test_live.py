"""A real Prometheus scrapes a real daemon under load of all kinds: every panel and every alert finds its series."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from relayguard.testing.prometheus import PrivatePrometheus
from tests.conftest import open_folder
from tests.grafana.catalogue import metrics
from tests.grafana.dashboards import expressions
from tests.grafana.load import make_trouble, send_all, start
from tests.grafana.test_alerts import ALERTS, FILE

VARIABLES = {"$__rate_interval": "30s", "$instance": ".*", "$listener": ".*", "$role": ".*"}
_SECONDS = 40


@pytest.fixture(scope="module")
def prometheus() -> Iterator[PrivatePrometheus]:
    """Prometheus, with what it has seen of one daemon's life."""
    with open_folder() as folder, ExitStack() as stack:
        served = start(folder, stack)
        found = stack.enter_context(PrivatePrometheus(folder / "prometheus", [served.metrics_address], FILE))
        send_all(served)
        make_trouble(served)
        await_scrape(found)
        # A counter has a rate from its second value on.
        send_all(served)
        await_scrape(found)
        yield found


def await_scrape(prometheus: PrivatePrometheus) -> None:
    """Wait until everything that has been counted so far was scraped twice."""
    begun, deadline = time.time(), time.monotonic() + _SECONDS
    while True:
        scraped = prometheus.query("timestamp(relayguard_build_info) - 1.5")
        if scraped and float(scraped[0]["value"][1]) > begun:
            return
        assert time.monotonic() < deadline, scraped
        time.sleep(0.2)


def asked(prometheus: PrivatePrometheus, expression: str) -> list[dict[str, Any]]:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return [dict(series) for series in prometheus.query(expression)]


@pytest.mark.parametrize(
    ("name", "title", "expression"),
    list(expressions()),
    ids=[f"{name}: {title}: {number}" for number, (name, title, _) in enumerate(expressions())],
)
def test_every_panel_draws_what_the_load_was(
    prometheus: PrivatePrometheus, name: str, title: str, expression: str
) -> None:
    values = [float(series["value"][1]) for series in asked(prometheus, expression)]
    assert values
    assert not all(math.isnan(value) for value in values), values


def test_every_metric_was_scraped_under_its_name_and_with_its_labels_alone(prometheus: PrivatePrometheus) -> None:
    for name, metric in metrics().items():
        shown = name if not metric.buckets else f"{name}_count"
        series = prometheus.query(shown)
        assert series, name
        for each in series:
            # A label that says nothing is none for Prometheus: no filter decided.
            labels = set(each["metric"]) - {"__name__", "instance", "job"}
            assert {label for label, _ in metric.labels} - labels <= {"filter"}
            assert labels <= {label for label, _ in metric.labels}


OUTCOMES = {
    "sum by (outcome) (relayguard_envelopes_total)": {
        *("accepted", "rejected", "deferred", "quarantined", "aborted"),
    },
    "sum by (role) (relayguard_envelopes_begun_total)": {"incoming", "submission"},
    "sum by (outcome) (relayguard_limit_decisions_total)": {"admitted", "over"},
    'sum by (result) (relayguard_auth_results_total{method="spf"})': {"pass", "fail", "temperror", "none"},
    "sum by (outcome) (relayguard_reloads_total)": {"refused", "served"},
    "sum by (signal) (relayguard_spoof_signals_total) > 0": {"own_author", "lookalike"},
    "sum by (status) (relayguard_dns_queries_total)": {"found", "nxdomain", "temperror"},
    "sum by (store) (relayguard_store_operations_total)": {"redis", "lmdb"},
    'sum by (filter) (relayguard_sessions_refused_total{outcome="rejected"})': {"obedient"},
    "sum by (cap) (relayguard_caps_hit_total)": {"header_block"},
    "sum by (cause) (relayguard_workers_replaced_total)": {"signal"},
    "sum by (kind) (relayguard_milter_failures_total)": {"protocol"},
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_it_tells_apart_what_happened(prometheus: PrivatePrometheus, expression: str) -> None:
    found = {value for series in prometheus.query(expression) for value in series["metric"].values()}
    assert found >= OUTCOMES[expression]


def test_prometheus_evaluates_every_alert_without_an_error(prometheus: PrivatePrometheus) -> None:
    (group,) = prometheus.ask("rules")["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == dict.fromkeys(ALERTS, "ok")


@pytest.mark.parametrize("name", ["RelayguardFilesBroken", "RelayguardStoreBroken"])
def test_an_alert_rises_for_what_is_wrong_here(prometheus: PrivatePrometheus, name: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while name not in {alert["labels"]["alertname"] for alert in prometheus.ask("alerts")["alerts"]}:
        assert time.monotonic() < deadline
        time.sleep(0.5)
