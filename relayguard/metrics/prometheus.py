"""Counts what happens, with prometheus-client, in a registry of its own."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from relayguard.core.caps import Cap
from relayguard.core.decision import OUTCOMES
from relayguard.core.envelope import Envelope
from relayguard.core.session import Session
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Given
from relayguard.metrics import catalog
from relayguard.metrics.catalog import Kind, Metric
from relayguard.pipeline.record import EnvelopeRecord, HookRun, Observer
from relayguard.services import Answer, Question

NO_FILTER = ""
"""The label of an outcome that no filter asked for."""


class PrometheusMetrics(Observer):
    """An `Observer` of the pipeline, an observer of DNS, and the `Metrics` that filters get."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._counters = {m: self._counter(m) for m in catalog.OF_WORKERS if m.kind is Kind.COUNTER}
        self._gauges = {m: self._gauge(m) for m in catalog.OF_WORKERS if m.kind is Kind.GAUGE}
        self._histograms = {m: self._histogram(m) for m in catalog.OF_WORKERS if m.kind is Kind.HISTOGRAM}
        self._gauges[catalog.BUILD_INFO].labels(version).set(1)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, [name for name, _ in metric.labels], registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        names = [name for name, _ in metric.labels]
        return Gauge(metric.name, metric.help, names, registry=self.registry, multiprocess_mode=metric.merged)

    def _histogram(self, metric: Metric) -> Histogram:
        names = [name for name, _ in metric.labels]
        return Histogram(metric.name, metric.help, names, buckets=metric.buckets, registry=self.registry)

    def connected(self, session: Session) -> None:
        """See `Observer`."""
        self._counters[catalog.CONNECTIONS].labels(session.listener).inc()
        self._gauges[catalog.SESSIONS].labels(session.listener).inc()

    def closed(self, session: Session) -> None:
        """See `Observer`."""
        self._gauges[catalog.SESSIONS].labels(session.listener).dec()

    def began(self, envelope: Envelope) -> None:
        """See `Observer`."""
        self._counters[catalog.ENVELOPES_BEGUN].labels(envelope.role).inc()
        if envelope.login is not None:
            # The one result that no filter yields.
            self._counters[catalog.RESULTS].labels("auth", "pass").inc()

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        """See `Observer`."""
        self._histograms[catalog.FILTER_SECONDS].labels(run.filter, run.stage).observe(run.seconds)
        if run.failed is not None:
            self._counters[catalog.FILTER_FAILURES].labels(run.filter, run.stage, run.failed.kind).inc()
        for entry in run.reported:
            method = entry.method if entry.method in catalog.METHODS else "other"
            value = entry.value if entry.value in catalog.AUTH_RESULTS else "other"
            self._counters[catalog.RESULTS].labels(method, value).inc()

    def breaker_changed(self, filter_name: str, stage: Stage, *, is_open: bool) -> None:
        """See `Observer`."""
        self._gauges[catalog.BREAKER_OPEN].labels(filter_name, stage).set(int(is_open))

    def loop_held(self, filter_name: str, stage: Stage, seconds: float, *, moved: bool) -> None:
        """See `Observer`."""
        self._counters[catalog.LOOP_HELD].labels(filter_name, stage).inc()

    def decided(self, record: EnvelopeRecord) -> None:
        """See `Observer`."""
        role, decision = record.envelope.role, record.decision
        self._counters[catalog.ENVELOPES].labels(role, decision.outcome, decision.filter or NO_FILTER).inc()
        if record.would_be != decision:
            would_be = record.would_be
            self._counters[catalog.WOULD_BE].labels(role, would_be.outcome, would_be.filter or NO_FILTER).inc()
        self._recipients(catalog.RECIPIENTS_REFUSED, record.refused)
        self._recipients(catalog.RECIPIENTS_WOULD_BE_REFUSED, record.would_refuse)
        if record.stripped:
            self._counters[catalog.HEADERS_STRIPPED].inc(record.stripped)
        if record.size:
            self._histograms[catalog.MESSAGE_BYTES].labels(role).observe(record.size)
        self._histograms[catalog.ENVELOPE_SECONDS].labels(role).observe(record.seconds)

    def _recipients(self, metric: Metric, refusals: Iterable[Given]) -> None:
        for given in refusals:
            self._counters[metric].labels(given.filter, OUTCOMES[type(given.verdict)]).inc()

    def dns_answered(self, question: Question, answer: Answer, seconds: float) -> None:
        """See `DnsObserver`."""
        self._counters[catalog.DNS_QUERIES].labels(question.type, answer.status).inc()
        self._histograms[catalog.DNS_SECONDS].labels(question.type).observe(seconds)

    def dns_cache_hit(self, count: int = 1) -> None:
        """See `DnsObserver`."""
        self._counters[catalog.DNS_CACHE_HITS].inc(count)

    def cap_hit(self, cap: Cap) -> None:
        """See `Metrics`."""
        self._counters[catalog.CAPS_HIT].labels(cap).inc()
