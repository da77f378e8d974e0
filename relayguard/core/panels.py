"""Panels of a dashboard as data: what a filter ships beside its metrics, and the expressions that draw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

INSTANCE = 'instance=~"$instance"'
"""The label that every selector must have, so that one picture can show one host or all."""

_WINDOW = "$__rate_interval"


class Shape(StrEnum):
    """How a panel shows its series; the values are Grafana's panel types."""

    LINES = "timeseries"
    NUMBER = "stat"
    BARS = "bargauge"
    TABLE = "table"


class Unit(StrEnum):
    """What a panel counts, as Grafana calls it."""

    COUNT = "short"
    PER_SECOND = "cps"
    RATIO = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    NUMBER = "none"
    TIME = "dateTimeAsIso"
    YES_NO = "bool_yes_no"


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of PromQL, and what its series are called, such as ``{{filter}}``."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture that answers one question.

    `help` says what it answers, and what to do when it looks wrong. From `warn` on a value is orange, from `alarm` on
    red; with `low`, below them. `wide` takes the whole width. `quiet` says that healthy mail draws nothing here.
    """

    title: str
    help: str
    queries: Sequence[Query]
    unit: Unit
    shape: Shape = Shape.LINES
    warn: float | None = None
    alarm: float | None = None
    low: bool = False
    stacked: bool = False
    wide: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels that stand together, on the dashboard of that title; one that is not there yet is made.

    `docs` is where they are explained: an address, or what follows that of our own documentation.
    """

    dashboard: str
    title: str
    panels: Sequence[Panel]
    docs: str = ""


def select(metric: str, *matchers: str) -> str:
    """Return the selector of a metric.

    >>> select("relayguard_workers", 'state="serving"')
    'relayguard_workers{instance=~"$instance", state="serving"}'
    """
    return f"{metric}{{{', '.join((INSTANCE, *matchers))}}}"


def rate(metric: str, *by: str, where: Sequence[str] = ()) -> str:
    """Return the rate of a counter, added up over all labels but `by`.

    >>> rate("relayguard_connections_total", "listener")
    'sum by (listener) (rate(relayguard_connections_total{instance=~"$instance"}[$__rate_interval]))'
    """
    return f"{_sum(by)} (rate({select(metric, *where)}[{_WINDOW}]))"


def total(metric: str, *by: str, where: Sequence[str] = ()) -> str:
    """Return the sum of a gauge over all labels but `by`."""
    return f"{_sum(by)} ({select(metric, *where)})"


def highest(metric: str, *by: str, where: Sequence[str] = ()) -> str:
    """Return the highest value of a gauge over all labels but `by`."""
    return f"max{_by(by)} ({select(metric, *where)})"


def quantile(share: float, metric: str, *by: str, where: Sequence[str] = ()) -> str:
    """Return the value of a histogram that so many of its observations, 0 to 1, do not exceed.

    >>> quantile(0.5, "relayguard_dns_duration_seconds")
    'histogram_quantile(0.5, sum by (le) (rate(relayguard_dns_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval])))'
    """
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', *by, 'le', where=where)})"


def ratio(part: str, whole: str) -> str:
    """Return one expression divided by another; 0, not nothing, where the part is none."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def _sum(by: Sequence[str]) -> str:
    return f"sum{_by(by)}"


def _by(by: Sequence[str]) -> str:
    return f" by ({', '.join(by)})" if by else ""
