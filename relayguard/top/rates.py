"""What happened between two looks at /metrics: how fast counters grew, and how long things took. No time is asked here."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import inf, isfinite
from typing import Literal, NamedTuple

from relayguard.metrics.catalog import Metric
from relayguard.top.scrape import NOTHING, Labels, Scrape

Values = tuple[str, ...]
"""The values of the labels that were asked for, in their order."""

_COUNTED = ("_total", "_count")


class Count(NamedTuple):
    """How fast a counter grew, per second, and what it has come to."""

    rate: float = 0.0
    total: float = 0.0


class Quantile(NamedTuple):
    """A time that so many stayed below, in seconds; `sign`: all that is known is that it is less, or more, than that."""

    seconds: float
    sign: Literal["<", "", ">"] = ""


class Timing(NamedTuple):
    """How often something was done per second, and how long it took. None: it was not done."""

    rate: float = 0.0
    mean: float | None = None
    median: Quantile | None = None
    p99: Quantile | None = None

    @property
    def busy(self) -> float:
        """The seconds that it took in each second; more than 1 where several go on at a time."""
        return self.rate * (self.mean or 0.0)


class Interval:
    """The time between two looks.

    A counter that fell belongs to a daemon that was started anew (`restarted`): then all of them began at 0.
    """

    def __init__(self, before: Scrape, after: Scrape) -> None:
        self.after = after
        self.seconds = max(after.at - before.at, 1e-3)
        self.restarted = _has_fallen(before, after)
        self._before = {} if self.restarted else before.samples

    def counts(self, metric: Metric | str, *labels: str) -> dict[Values, Count]:
        """Return how fast a counter grew, summed up by these labels."""
        name = metric if isinstance(metric, str) else metric.name
        growth: defaultdict[Values, float] = defaultdict(float)
        for found, value in self._growth(name):
            growth[_values(found, labels)] += value
        totals = self.now(name, *labels)
        return {values: Count(grown / self.seconds, totals[values]) for values, grown in growth.items()}

    def now(self, metric: Metric | str, *labels: str) -> dict[Values, float]:
        """Return the values of a metric at the end, summed up by these labels."""
        name = metric if isinstance(metric, str) else metric.name
        totals: defaultdict[Values, float] = defaultdict(float)
        for found, value in self.after.of(name).items():
            totals[_values(found, labels)] += value
        return dict(totals)

    def timings(self, metric: Metric, *labels: str) -> dict[Values, Timing]:
        """Return how long what a histogram observed took, by these labels."""
        calls = self.counts(f"{metric.name}_count", *labels)
        sums = self.counts(f"{metric.name}_sum", *labels)
        buckets: defaultdict[Values, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
        for found, grown in self._growth(f"{metric.name}_bucket"):
            buckets[_values(found, labels)][_bound(found)] += grown
        return {
            values: _timing(count.rate, sums.get(values, Count()).rate, buckets[values])
            for values, count in calls.items()
        }

    def _growth(self, name: str) -> Iterator[tuple[Labels, float]]:
        before = self._before.get(name, NOTHING)
        for labels, value in self.after.of(name).items():
            grown = value - before.get(labels, 0.0)
            yield labels, grown if isfinite(grown) else 0.0


def quantile(buckets: Mapping[float, float], share: float) -> Quantile | None:
    """Return below which time `share` of the observations were, as if they lay evenly between two bounds.

    `buckets` are the observations up to each bound, the last of which is endless. What is below the first or beyond
    the last is not guessed.
    """
    bounds = sorted(buckets.items())
    wanted = bounds[-1][1] * share if bounds else 0.0
    if wanted <= 0 or bounds[0][0] == inf:
        return None
    if bounds[0][1] >= wanted:
        return Quantile(bounds[0][0], "<")
    (lower, below), (upper, count) = next(each for each in pairwise(bounds) if each[1][1] >= wanted)
    if upper == inf:
        return Quantile(lower, ">")
    return Quantile(lower + (upper - lower) * (wanted - below) / (count - below))


def _timing(rate: float, seconds: float, buckets: Mapping[float, float]) -> Timing:
    if rate <= 0:
        return Timing()
    return Timing(rate, seconds / rate, quantile(buckets, 0.5), quantile(buckets, 0.99))


def _has_fallen(before: Scrape, after: Scrape) -> bool:
    counters = (name for name in before.samples if name.endswith(_COUNTED))
    return any(
        after.of(name).get(labels, 0.0) < value for name in counters for labels, value in before.of(name).items()
    )


def _values(labels: Labels, names: Values) -> Values:
    found = dict(labels)
    return tuple(found.get(name, "") for name in names)


def _bound(labels: Labels) -> float:
    try:
        return float(dict(labels).get("le", "inf"))
    except ValueError:
        return inf
