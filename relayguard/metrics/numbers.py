"""The numbers behind the metrics. Counting is the hottest path of all: a number is found once, and then only added to."""

from array import array
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import Protocol

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.utils import floatToGoString

from relayguard.metrics.catalog import Kind, Metric


class Doubles(Protocol):
    """Where numbers lie."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...


Cell = tuple[Doubles, int]
"""Where one number lies."""

Labels = dict[str, str]
Place = Callable[[Metric, str, Labels], Cell]
"""Returns the place of a sample of a metric, by its name and labels; what was counted there before counts on."""


def private(_metric: Metric, _sample: str, _labels: Labels) -> Cell:
    """A `Place` that only this process sees."""
    return array("d", [0.0]), 0


class Number:
    """One counter or gauge."""

    __slots__ = ("_at", "_cells")

    def __init__(self, cell: Cell) -> None:
        self._cells, self._at = cell

    def add(self, amount: float = 1.0) -> None:
        """Grow by `amount`."""
        self._cells[self._at] += amount

    def set(self, value: float) -> None:
        """Become `value`."""
        self._cells[self._at] = value

    @property
    def value(self) -> float:
        """What it is now."""
        return self._cells[self._at]


class Histogram:
    """One histogram: how many observations fell under each bound, and their sum."""

    __slots__ = ("_bounds", "_cells", "_sum")

    def __init__(self, bounds: tuple[float, ...], cells: list[Cell], total: Cell) -> None:
        self._bounds = bounds
        self._cells = cells
        self._sum = total

    def observe(self, value: float) -> None:
        """Take note of `value`."""
        cells, at = self._cells[bisect_left(self._bounds, value)]
        cells[at] += 1.0
        cells, at = self._sum
        cells[at] += value

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Each bound, with the number of observations up to it."""
        counts = accumulate(cells[at] for cells, at in self._cells)
        return list(zip(bucket_names(self._bounds), counts, strict=True))

    @property
    def total(self) -> float:
        """The sum of all observations."""
        cells, at = self._sum
        return cells[at]


def bucket_names(bounds: tuple[float, ...]) -> list[str]:
    """The ``le`` of each bucket, the endless one last."""
    return [floatToGoString(bound) for bound in (*bounds, float("inf"))]  # type: ignore[no-untyped-call]


class Numbers(dict[tuple[str, ...], Number]):
    """The numbers of one counter or gauge, by the values of its labels."""

    def __init__(self, metric: Metric, place: Place) -> None:
        super().__init__()
        self._metric = metric
        self._place = place
        if not metric.labels:
            # There is only one, which is there from the start.
            self[()]

    def __missing__(self, values: tuple[str, ...]) -> Number:
        metric = self._metric
        number = self[values] = Number(self._place(metric, metric.name, labels_of(metric, values)))
        return number

    def family(self) -> MetricFamily:
        """Everything counted, as prometheus-client exposes it."""
        kind = CounterMetricFamily if self._metric.kind is Kind.COUNTER else GaugeMetricFamily
        family = kind(self._metric.name, self._metric.help, labels=[name for name, _ in self._metric.labels])
        for values, number in list(self.items()):
            family.add_metric(values, number.value)
        return family


class Histograms(dict[tuple[str, ...], Histogram]):
    """The histograms of one metric, by the values of its labels."""

    def __init__(self, metric: Metric, place: Place) -> None:
        super().__init__()
        self._metric = metric
        self._place = place

    def __missing__(self, values: tuple[str, ...]) -> Histogram:
        metric, labels = self._metric, labels_of(self._metric, values)
        cells = [
            self._place(metric, f"{metric.name}_bucket", labels | {"le": name})
            for name in bucket_names(metric.buckets)
        ]
        total = self._place(metric, f"{metric.name}_sum", labels)
        histogram = self[values] = Histogram(metric.buckets, cells, total)
        return histogram

    def family(self) -> MetricFamily:
        """Everything observed, as prometheus-client exposes it."""
        family = HistogramMetricFamily(
            self._metric.name, self._metric.help, labels=[name for name, _ in self._metric.labels]
        )
        for values, histogram in list(self.items()):
            family.add_metric(values, histogram.buckets, histogram.total)
        return family


def labels_of(metric: Metric, values: tuple[str, ...]) -> Labels:
    """Return the labels of a sample, by name."""
    return {name: str(value) for (name, _), value in zip(metric.labels, values, strict=True)}
