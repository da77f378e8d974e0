import re

import pytest

from relayguard.core.caps import Cap
from relayguard.core.decision import Outcome
from relayguard.core.envelope import Role
from relayguard.core.standards import DkimValue, DmarcValue, SpfValue
from relayguard.metrics import catalog
from relayguard.metrics.catalog import CATALOG, Kind, Metric


def by_name(metric: Metric) -> str:
    return metric.name


def test_every_metric_is_declared_once_and_listed() -> None:
    declared = [value for value in vars(catalog).values() if isinstance(value, Metric)]
    assert tuple(declared) == CATALOG
    assert len({metric.name for metric in CATALOG}) == len(CATALOG)


@pytest.mark.parametrize("metric", CATALOG, ids=by_name)
def test_a_metric_is_named_as_prometheus_wants_it(metric: Metric) -> None:
    assert re.fullmatch(r"relayguard_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert bool(metric.buckets) is (metric.kind is Kind.HISTOGRAM)
    assert metric.help.endswith(".")
    assert list(metric.buckets) == sorted(metric.buckets)


def test_labels_are_closed_sets() -> None:
    assert dict(catalog.CAPS_HIT.labels)["cap"] is Cap
    assert dict(catalog.ENVELOPES.labels)["outcome"] is Outcome
    assert dict(catalog.ENVELOPES_BEGUN.labels)["role"] is Role


@pytest.mark.parametrize("values", [SpfValue, DkimValue, DmarcValue])
def test_every_value_of_a_standard_is_a_label(values: type[SpfValue | DkimValue | DmarcValue]) -> None:
    assert {value.value for value in values} <= set(catalog.AUTH_RESULTS)
