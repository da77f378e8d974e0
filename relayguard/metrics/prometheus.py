"""Counts what happens, in numbers that prometheus-client exposes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector

from relayguard.core.caps import Cap
from relayguard.core.decision import OUTCOMES
from relayguard.core.envelope import Envelope
from relayguard.core.session import Session
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Given
from relayguard.metrics import catalog
from relayguard.metrics.catalog import Metric
from relayguard.metrics.numbers import Histograms, Numbers, Place, private
from relayguard.pipeline.filters import Filter
from relayguard.pipeline.record import EnvelopeRecord, HookRun, MilterFailure, Observer, SessionJudged
from relayguard.services import Answer, Question
from relayguard.stores.backend import Trouble

_COUNTER = re.compile(r"relayguard_[a-z_]+_total")

_BEGINS_AT_0 = 256

NO_FILTER = ""
"""The label of an outcome that no filter asked for."""

_METHODS = frozenset(catalog.METHODS)
_AUTH_RESULTS = frozenset(catalog.AUTH_RESULTS)


class PrometheusMetrics(Observer, Collector):
    """An `Observer` of the pipeline, an observer of DNS, and the `Metrics` that filters get.

    Its numbers lie where `place` says; the registry shows those of this process.
    """

    def __init__(self, version: str, place: Place = private) -> None:
        self._tables: list[Numbers | Histograms] = []
        self._place = place
        self._filters = self._numbers(catalog.FILTER_INFO)
        self._connections = self._numbers(catalog.CONNECTIONS)
        self._sessions = self._numbers(catalog.SESSIONS)
        self._sessions_refused = self._numbers(catalog.SESSIONS_REFUSED)
        self._begun = self._numbers(catalog.ENVELOPES_BEGUN)
        self._envelopes = self._numbers(catalog.ENVELOPES)
        self._would_be = self._numbers(catalog.WOULD_BE)
        self._refused = self._numbers(catalog.RECIPIENTS_REFUSED)
        self._would_refuse = self._numbers(catalog.RECIPIENTS_WOULD_BE_REFUSED)
        self._message_bytes = self._histograms(catalog.MESSAGE_BYTES)
        self._envelope_seconds = self._histograms(catalog.ENVELOPE_SECONDS)
        self._stage_seconds = self._histograms(catalog.STAGE_SECONDS)
        self._milter_failures = self._numbers(catalog.MILTER_FAILURES)
        self._filter_seconds = self._histograms(catalog.FILTER_SECONDS)
        self._failures = self._numbers(catalog.FILTER_FAILURES)
        self._refreshes = self._numbers(catalog.REFRESHES_FAILED)
        self._breakers = self._numbers(catalog.BREAKER_OPEN)
        self._holds = self._numbers(catalog.LOOP_HELD)
        self._results = self._numbers(catalog.RESULTS)
        self._stripped = self._numbers(catalog.HEADERS_STRIPPED)[()]
        self._caps = self._numbers(catalog.CAPS_HIT)
        self._dns_queries = self._numbers(catalog.DNS_QUERIES)
        self._dns_seconds = self._histograms(catalog.DNS_SECONDS)
        self._dns_hits = self._numbers(catalog.DNS_CACHE_HITS)[()]
        self._limits = self._numbers(catalog.LIMIT_DECISIONS)
        self._fullest = self._numbers(catalog.LIMIT_FULLEST)
        self._nearly = self._numbers(catalog.LIMIT_NEARLY)
        self._store_operations = self._numbers(catalog.STORE_OPERATIONS)
        self._store_seconds = self._histograms(catalog.STORE_SECONDS_TAKEN)
        self._store_fallback = self._numbers(catalog.STORE_FALLBACK)
        self._store_moved = self._numbers(catalog.STORE_MOVED_ASIDE)[()]
        self._counters: dict[str, FilterCounter] = {}
        # A filter may run into a cap, or ask what is known of DNS, in a thread of its own; all else is on the loop.
        self._of_threads = Lock()
        self._numbers(catalog.BUILD_INFO)[version,].set(1)
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def _numbers(self, metric: Metric) -> Numbers:
        table = Numbers(metric, self._place)
        self._tables.append(table)
        return table

    def _histograms(self, metric: Metric) -> Histograms:
        table = Histograms(metric, self._place)
        self._tables.append(table)
        return table

    def collect(self) -> Iterator[MetricFamily]:
        """Everything that this process has counted."""
        return (table.family() for table in self._tables)

    def runs(self, filters: Iterable[Filter]) -> None:
        """Tell of filters that run, and how."""
        for each in filters:
            for role, mode in each.policy.modes.items():
                self._filters[each.name, role, mode].set(1)
            # For Prometheus, a counter that begins as 1 has not grown: the first failure would alert nobody.
            self._refreshes[each.name,].add(0)

    def connected(self, session: Session) -> None:
        """See `Observer`."""
        self._connections[session.listener,].add()
        self._sessions[session.listener,].add()

    def closed(self, session: Session) -> None:
        """See `Observer`."""
        self._sessions[session.listener,].add(-1.0)

    def began(self, envelope: Envelope) -> None:
        """See `Observer`."""
        self._begun[envelope.role,].add()
        if envelope.login is not None:
            # The one result that no filter yields.
            self._results["auth", "pass"].add()

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        """See `Observer`."""
        self._filter_seconds[run.filter, run.stage].observe(run.seconds)
        if run.failed is not None:
            self._failures[run.filter, run.stage, run.failed.kind].add()
        for entry in run.reported:
            method = entry.method if entry.method in _METHODS else "other"
            value = entry.value if entry.value in _AUTH_RESULTS else "other"
            self._results[method, value].add()

    def stage_ran(self, stage: Stage, seconds: float) -> None:
        """See `Observer`."""
        self._stage_seconds[stage,].observe(seconds)

    def milter_failed(self, failure: MilterFailure) -> None:
        """See `Observer`."""
        self._milter_failures[failure,].add()

    def breaker_changed(self, filter_name: str, stage: Stage, *, is_open: bool) -> None:
        """See `Observer`."""
        self._breakers[filter_name, stage].set(float(is_open))

    def loop_held(self, filter_name: str, stage: Stage, seconds: float, *, moved: bool) -> None:
        """See `Observer`."""
        self._holds[filter_name, stage].add()

    def refresh_failed(self, filter_name: str) -> None:
        """See `Observer`."""
        self._refreshes[filter_name,].add()

    def session_judged(self, judged: SessionJudged) -> None:
        """See `Observer`."""
        given = judged.given or judged.would_be
        if given is not None:
            outcome = OUTCOMES[type(given.verdict)] if judged.given else "shadow"
            self._sessions_refused[judged.stage, given.filter, outcome].add()

    def decided(self, record: EnvelopeRecord) -> None:
        """See `Observer`."""
        role, decision = record.envelope.role, record.decision
        self._envelopes[role, decision.outcome, decision.filter or NO_FILTER].add()
        if record.would_be != decision:
            would_be = record.would_be
            self._would_be[role, would_be.outcome, would_be.filter or NO_FILTER].add()
        _count_refusals(self._refused, record.refused)
        _count_refusals(self._would_refuse, record.would_refuse)
        if record.stripped:
            self._stripped.add(record.stripped)
        if record.size:
            self._message_bytes[role,].observe(record.size)
        self._envelope_seconds[role,].observe(record.seconds)

    def dns_answered(self, question: Question, answer: Answer, seconds: float) -> None:
        """See `DnsObserver`."""
        self._dns_queries[question.type, answer.status].add()
        self._dns_seconds[question.type,].observe(seconds)

    def dns_cache_hit(self, count: int = 1) -> None:
        """See `DnsObserver`."""
        with self._of_threads:
            self._dns_hits.add(count)

    def store_answered(self, store: str, trouble: Trouble | None, seconds: float) -> None:
        """See `StoreObserver`."""
        self._store_operations[store, trouble or "ok"].add()
        self._store_seconds[store,].observe(seconds)

    def store_fell_back(self, store: str, *, active: bool) -> None:
        """See `StoreObserver`."""
        self._store_fallback[store,].set(float(active))

    def store_moved_aside(self) -> None:
        """See `StoreObserver`."""
        self._store_moved.add()

    def limit_judged(self, limit: str, *, admitted: bool) -> None:
        """See `StoreObserver`."""
        self._limits[limit, "admitted" if admitted else "over"].add()

    def limit_used(self, limit: str, fullest: float, nearly: int) -> None:
        """See `StoreObserver`."""
        self._limits[limit, "over"].add(0)
        self._fullest[limit,].set(fullest)
        self._nearly[limit,].set(nearly)

    def counter(self, name: str, help: str, labels: Mapping[str, Sequence[str]]) -> "FilterCounter":  # noqa: A002
        """See `Metrics`."""
        metric = Metric(name, catalog.Kind.COUNTER, help, tuple((each, tuple(labels[each])) for each in labels))
        # A filter of two listeners asks twice.
        known = self._counters.get(name)
        if known is None:
            if not _COUNTER.fullmatch(name) or name in {each.name for each in catalog.CATALOG}:
                raise ValueError(f"{name!r} is no name for a counter of a filter, or is taken")
            known = self._counters[name] = FilterCounter(metric, self._numbers(metric), self._of_threads)
            known.begin()
        if known.metric != metric:
            raise ValueError(f"there are two counters called {name!r}")
        return known

    def cap_hit(self, cap: Cap) -> None:
        """See `Metrics`."""
        with self._of_threads:
            self._caps[cap,].add()


class FilterCounter:
    """See `relayguard.services.Counter`."""

    def __init__(self, metric: Metric, numbers: Numbers, of_threads: Lock) -> None:
        self.metric = metric
        self._allowed = [frozenset(allowed) for _, allowed in metric.labels if isinstance(allowed, tuple)]
        self._numbers = numbers
        self._of_threads = of_threads

    def begin(self) -> None:
        """Count from 0, as alerts need it, wherever there is not too much to begin with."""
        if prod(map(len, self._allowed)) <= _BEGINS_AT_0:
            for values in product(*self._allowed):
                self._numbers[values].add(0)

    def add(self, *values: str) -> None:
        """See `Counter`; raises ValueError for a value that was not said to be one."""
        if not all(value in allowed for value, allowed in zip(values, self._allowed, strict=True)):
            raise ValueError(f"{values!r} are no labels of {self.metric.name}")
        with self._of_threads:
            self._numbers[values].add()


def _count_refusals(numbers: Numbers, refusals: Iterable[Given]) -> None:
    for given in refusals:
        numbers[given.filter, OUTCOMES[type(given.verdict)]].add()
