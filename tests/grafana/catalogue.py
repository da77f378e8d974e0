"""Every metric that there is, those of the shipped filters included; and what an expression says of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import EnumType
from functools import cache

from relayguard import Cap
from relayguard.metrics.catalog import CATALOG, Configured, Kind, Metric
from relayguard.services import NoCounter
from relayguard.testing import some_services
from relayguard_plugins.spoof.filter import SpoofFilter
from relayguard_plugins.spoof.options import Options

_NAME = re.compile(r"\brelayguard_[a-z_]+")
_SELECTOR = re.compile(r"\b(relayguard_[a-z_]+)(\{[^}]*\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|=|!=)\s*"([^"]*)"')
_BY = re.compile(r"(?:by|on) \(([^)]*)\)")

FROM_PROMETHEUS = frozenset({"instance", "job", "le"})


class _Declared:
    """`Metrics` that remembers what filters declare."""

    def __init__(self) -> None:
        self.metrics: list[Metric] = []

    def cap_hit(self, cap: Cap) -> None:
        """See `Metrics`."""

    def counter(self, name: str, help: str, labels: Mapping[str, Sequence[str]]) -> NoCounter:  # noqa: A002
        """See `Metrics`."""
        self.metrics.append(Metric(name, Kind.COUNTER, help, tuple((each, tuple(labels[each])) for each in labels)))
        return NoCounter()


@cache
def metrics() -> Mapping[str, Metric]:
    """All of them, by name."""
    declared = _Declared()
    SpoofFilter(Options(own_domains=("example.com",)), replace(some_services(), metrics=declared))
    return {metric.name: metric for metric in (*CATALOG, *declared.metrics)}


def samples() -> Mapping[str, Metric]:
    """All names that /metrics may show, and the metric of each."""
    found: dict[str, Metric] = {}
    for name, metric in metrics().items():
        ends = ("_bucket", "_count", "_sum") if metric.kind is Kind.HISTOGRAM else ("",)
        found |= {f"{name}{end}": metric for end in ends}
    return found


def used_in(expression: str) -> set[str]:
    """The names of metrics in an expression."""
    return set(_NAME.findall(expression))


def selectors_in(expression: str) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """Each selector: the name of the metric, and its matchers by label."""
    for name, braces in _SELECTOR.findall(expression):
        yield name, {label: (operator, value) for label, operator, value in _MATCHER.findall(braces)}


def labels_in(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    return {label.strip() for found in _BY.findall(expression) for label in found.split(",") if label.strip()}


def allowed(metric: Metric, label: str) -> set[str] | None:
    """The values that a label may have; None if the configuration names them."""
    values = dict(metric.labels)[label]
    if isinstance(values, Configured):
        return None
    return {str(value) for value in values} if isinstance(values, EnumType) else set(values)


def problems_of(expression: str) -> list[str]:
    """What is wrong with the names in an expression."""
    found = []
    for name, matchers in selectors_in(expression):
        metric = samples().get(name)
        if metric is None:
            found.append(f"there is no {name}")
            continue
        known = {label for label, _ in metric.labels} | FROM_PROMETHEUS
        found += [
            f"{name} has no label {label}" for label in (*matchers, *labels_in(expression)) if label not in known
        ]
        for label in matchers.keys() & {label for label, _ in metric.labels}:
            operator, value = matchers[label]
            may = allowed(metric, label)
            if value.startswith("$") or may is None:
                continue
            wanted = set(value.split("|")) if "~" in operator else {value}
            found += [f"{name}: {label} is never {each}" for each in wanted - may if each]
    return found
