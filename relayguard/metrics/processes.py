"""Counts what happens to processes: workers, restarts, reloads. The supervisor serves it beside what workers count."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relayguard.core.processes import Cause, Reload, State
from relayguard.metrics import catalog
from relayguard.metrics.shared import Samples, SharedCollector, forget

F = TypeVar("F", GaugeMetricFamily, CounterMetricFamily)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A living worker: `heard` is when it was last heard of, in seconds since the epoch."""

    listener: str
    slot: int
    state: State
    heard: float
    memory: int
    cpu: float
    pid: int
    generation: int


def resident_memory() -> int:
    """Return the memory of this process that is in RAM, in bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class ProcessMetrics:
    """The registry that /metrics serves: all that workers counted in `folder`, and their own lives.

    `workers` returns those that live now; it is called from the exporter's thread.
    """

    def __init__(self, folder: str, workers: Callable[[], Iterable[WorkerState]]) -> None:
        # When a counter began is no metric of ours.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._folder = folder
        self._cpu_of_ended: defaultdict[int, float] = defaultdict(float)
        self._replaced = self._counter(catalog.WORKERS_REPLACED)
        self._reloads = self._counter(catalog.RELOADS)
        for outcome in Reload:
            # For Prometheus, a counter that begins as 1 has not grown: the first failure would alert nobody.
            self._reloads.labels(outcome)
        self._reloaded = self._gauge(catalog.RELOADED)
        self._reloaded.set(1)
        self._reloaded_at = self._gauge(catalog.RELOAD_TIME)
        self._generation = self._gauge(catalog.GENERATION)
        self._shared = SharedCollector(folder)
        self.registry.register(self._shared)
        self._workers = _Workers(workers, self._cpu_of_ended)
        self.registry.register(self._workers)

    def greatest(self, metric: catalog.Metric) -> Samples:
        """See `SharedCollector.greatest`."""
        return self._shared.greatest(metric)

    def worker_ended(self, slot: int, cpu: float) -> None:
        """A worker has ended, after so many seconds of CPU."""
        self._cpu_of_ended[slot] += cpu
        forget(self._folder, slot)

    def worker_replaced(self, listener: str, cause: Cause) -> None:
        """A worker must be replaced."""
        self._replaced.labels(listener, cause).inc()

    def reloaded(self, outcome: Reload) -> None:
        """A reload has ended."""
        self._reloads.labels(outcome).inc()
        self._reloaded.set(outcome is Reload.SERVED)

    def serves(self, generation: int, listeners: Iterable[str]) -> None:
        """A generation serves from now on, on these listeners, as workers name them."""
        self._workers.listeners = tuple(dict.fromkeys(listeners))
        for listener, cause in product(self._workers.listeners, Cause):
            self._replaced.labels(listener, cause)
        self._generation.set(generation)
        self._reloaded_at.set_to_current_time()

    def _counter(self, metric: catalog.Metric) -> Counter:
        return Counter(metric.name, metric.help, [name for name, _ in metric.labels], registry=self.registry)

    def _gauge(self, metric: catalog.Metric) -> Gauge:
        return Gauge(metric.name, metric.help, [name for name, _ in metric.labels], registry=self.registry)


class _Workers(Collector):
    """What can be seen of the living workers."""

    def __init__(self, workers: Callable[[], Iterable[WorkerState]], cpu_of_ended: defaultdict[int, float]) -> None:
        self._workers = workers
        self._cpu_of_ended = cpu_of_ended
        self._shown: defaultdict[int, float] = defaultdict(float)
        self.listeners: tuple[str, ...] = ()

    def collect(self) -> Iterator[Metric]:
        """Look at each worker."""
        # A listener that nobody serves is to be seen as such.
        states: defaultdict[tuple[str, str], int] = defaultdict(int, dict.fromkeys(product(self.listeners, State), 0))
        heard = _family(GaugeMetricFamily, catalog.WORKER_HEARTBEAT)
        memory = _family(GaugeMetricFamily, catalog.PROCESS_MEMORY)
        memory.add_metric(["supervisor"], resident_memory())
        cpu = _family(CounterMetricFamily, catalog.PROCESS_CPU)
        cpu.add_metric(["supervisor"], time.process_time())
        spent = dict(self._cpu_of_ended)
        for worker in self._workers():
            states[worker.listener, worker.state] += 1
            slot = str(worker.slot)
            heard.add_metric([slot], worker.heard)
            memory.add_metric([slot], worker.memory)
            spent[worker.slot] = spent.get(worker.slot, 0.0) + worker.cpu
        for number in spent.keys() | self._shown.keys():
            # A worker may end while we look, and count in neither place: a counter must not fall for that.
            self._shown[number] = max(self._shown[number], spent.get(number, 0.0))
            cpu.add_metric([str(number)], self._shown[number])
        living = _family(GaugeMetricFamily, catalog.WORKERS)
        for labels, count in states.items():
            living.add_metric(list(labels), count)
        yield from (living, heard, memory, cpu)

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand."""
        return ()


def _family(kind: type[F], metric: catalog.Metric) -> F:
    return kind(metric.name, metric.help, labels=[name for name, _ in metric.labels])
