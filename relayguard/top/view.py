"""What an operator wants to know, reckoned from two looks at /metrics. Nothing here knows how it is drawn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from relayguard.metrics import catalog
from relayguard.services import Status
from relayguard.stores.backend import Entry
from relayguard.top.rates import Count, Interval, Timing, Values


@dataclass(frozen=True, slots=True)
class FilterWork:
    """What a filter did; `open` are the stages at which it is not called because it kept failing."""

    name: str
    timing: Timing
    failures: Count
    held: Count
    open: Sequence[str]


@dataclass(frozen=True, slots=True)
class DnsWork:
    """How DNS answers; `cached` and `failing` are parts of 1, None where nothing was asked."""

    rate: float
    cached: float | None
    failing: float | None
    timing: Timing


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How far a limit is used, as the workers saw it in the last minute."""

    name: str
    fullest: float
    nearly: float
    admitted: Count
    over: Count


@dataclass(frozen=True, slots=True)
class StoreWork:
    """How the store of limits answers; `fallback`: some worker does not ask it just now."""

    name: str
    timing: Timing
    failures: Mapping[str, Count]
    fallback: bool


@dataclass(frozen=True, slots=True)
class Process:
    """A living process; `heard` is how many seconds ago a worker was heard of."""

    name: str
    memory: float
    cpu: float
    heard: float | None


@dataclass(frozen=True, slots=True)
class Hottest:
    """The keys that have used most of their limits, in the store at `place`; `trouble` is why none can be seen."""

    place: str
    entries: Sequence[Entry] = ()
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """All of it. `served` is for how many seconds this configuration has been serving; `at` when it was looked."""

    url: str
    at: float
    seconds: float
    restarted: bool
    version: str
    generation: float
    served: float | None
    workers: Mapping[str, float]
    sessions: float
    connections: Count
    mail: Mapping[str, Mapping[str, Count]]
    """By role, and by outcome."""
    would_be: Mapping[str, Mapping[str, Count]]
    refusals: Mapping[Values, Mapping[str, Count]]
    """By filter and what it did, and by what it did it to."""
    results: Mapping[str, Mapping[str, Count]]
    """By method, and by result."""
    filters: Sequence[FilterWork]
    """Those that take most of the time come first."""
    dns: DnsWork
    limits: Sequence[LimitUse]
    stores: Sequence[StoreWork]
    hottest: Hottest
    noted: Mapping[Values, Count]
    """What else was counted: caps, what filters count themselves, and so on."""
    processes: Sequence[Process]


def view_of(url: str, interval: Interval, hottest: Hottest) -> View:
    """Reckon what happened in `interval` at `url`."""
    after = interval.after
    reloaded = _first(interval.now(catalog.RELOAD_TIME))
    return View(
        url=url,
        at=after.at,
        seconds=interval.seconds,
        restarted=interval.restarted,
        version=next((version for (version,) in interval.now(catalog.BUILD_INFO, "version")), "?"),
        generation=_first(interval.now(catalog.GENERATION)) or 0.0,
        served=None if reloaded is None else max(after.wall - reloaded, 0.0),
        workers={state: number for (state,), number in interval.now(catalog.WORKERS, "state").items() if number},
        sessions=_first(interval.now(catalog.SESSIONS)) or 0.0,
        connections=interval.counts(catalog.CONNECTIONS).get((), Count()),
        mail=_nested(interval.counts(catalog.ENVELOPES, "role", "outcome")),
        would_be=_nested(interval.counts(catalog.WOULD_BE, "role", "outcome")),
        refusals=_refusals(interval),
        results=_nested(interval.counts(catalog.RESULTS, "method", "result")),
        filters=_filters(interval),
        dns=_dns(interval),
        limits=list(_limits(interval)),
        stores=list(_stores(interval)),
        hottest=hottest,
        noted=_noted(interval),
        processes=list(_processes(interval)),
    )


_REFUSALS = (
    (catalog.ENVELOPES, "envelopes", ""),
    (catalog.RECIPIENTS_REFUSED, "recipients", ""),
    (catalog.SESSIONS_REFUSED, "clients", ""),
    (catalog.WOULD_BE, "envelopes", "would be "),
    (catalog.RECIPIENTS_WOULD_BE_REFUSED, "recipients", "would be "),
)
"""Where a filter's refusals are counted, of what, and how the outcome is told."""


def _refusals(interval: Interval) -> dict[Values, dict[str, Count]]:
    found: dict[Values, dict[str, Count]] = {}
    for metric, what, words in _REFUSALS:
        for (name, outcome), count in interval.counts(metric, "filter", "outcome").items():
            # Clients have but one word for what would have been.
            told = "would be refused" if outcome == "shadow" else words + outcome
            if name:
                found.setdefault((name, told), {})[what] = count
    return dict(sorted(found.items(), key=lambda item: -sum(count.rate for count in item[1].values())))


def _filters(interval: Interval) -> list[FilterWork]:
    timings = interval.timings(catalog.FILTER_SECONDS, "filter")
    failures = interval.counts(catalog.FILTER_FAILURES, "filter")
    held = interval.counts(catalog.LOOP_HELD, "filter")
    breakers = [of for of, value in interval.now(catalog.BREAKER_OPEN, "filter", "stage").items() if value]
    work = [
        FilterWork(
            name,
            timings.get((name,), Timing()),
            failures.get((name,), Count()),
            held.get((name,), Count()),
            sorted(stage for broken, stage in breakers if broken == name),
        )
        for name in sorted({name for (name, *_) in (*timings, *failures, *held, *breakers)})
    ]
    # One that is not called takes no time, and is what must be seen.
    return sorted(work, key=lambda each: (not each.open, -each.timing.busy))


def _dns(interval: Interval) -> DnsWork:
    asked = interval.counts(catalog.DNS_QUERIES, "status")
    sent = sum(count.rate for count in asked.values())
    cached = sum(count.rate for count in interval.counts(catalog.DNS_CACHE_HITS).values())
    failing = asked.get((Status.TEMPERROR,), Count()).rate
    timing = interval.timings(catalog.DNS_SECONDS).get((), Timing())
    return DnsWork(sent + cached, _part(cached, sent + cached), _part(failing, sent), timing)


def _limits(interval: Interval) -> Iterator[LimitUse]:
    fullest = interval.now(catalog.LIMIT_FULLEST, "limit")
    nearly = interval.now(catalog.LIMIT_NEARLY, "limit")
    decisions = interval.counts(catalog.LIMIT_DECISIONS, "limit", "outcome")
    names = {name for (name, *_) in (*fullest, *nearly, *decisions)}
    for name in sorted(names, key=lambda name: (-fullest.get((name,), 0.0), name)):
        outcomes = (decisions.get((name, outcome), Count()) for outcome in ("admitted", "over"))
        yield LimitUse(name, fullest.get((name,), 0.0), nearly.get((name,), 0.0), *outcomes)


def _stores(interval: Interval) -> Iterator[StoreWork]:
    timings = interval.timings(catalog.STORE_SECONDS_TAKEN, "store")
    operations = interval.counts(catalog.STORE_OPERATIONS, "store", "outcome")
    fallback = interval.now(catalog.STORE_FALLBACK, "store")
    for name in sorted({name for (name, *_) in (*timings, *operations, *fallback)}):
        failures = {how: count for (store, how), count in operations.items() if store == name and how != "ok"}
        yield StoreWork(name, timings.get((name,), Timing()), failures, bool(fallback.get((name,))))


_PLACED = frozenset(
    metric.name
    for metric in (
        catalog.CONNECTIONS,
        catalog.SESSIONS_REFUSED,
        catalog.ENVELOPES_BEGUN,
        catalog.ENVELOPES,
        catalog.WOULD_BE,
        catalog.RECIPIENTS_REFUSED,
        catalog.RECIPIENTS_WOULD_BE_REFUSED,
        catalog.FILTER_FAILURES,
        catalog.LOOP_HELD,
        catalog.RESULTS,
        catalog.DNS_QUERIES,
        catalog.DNS_CACHE_HITS,
        catalog.LIMIT_DECISIONS,
        catalog.STORE_OPERATIONS,
        catalog.PROCESS_CPU,
    )
)


def _noted(interval: Interval) -> dict[Values, Count]:
    """Return counters without a place of their own, filters' own (such as spoof signals) among them."""
    found: dict[Values, Count] = {}
    for name, samples in interval.after.samples.items():
        if name.startswith("relayguard_") and name.endswith("_total") and name not in _PLACED:
            labels = sorted({label for each in samples for label, _ in each})
            shown = name.removeprefix("relayguard_").removesuffix("_total").replace("_", " ")
            counts = interval.counts(name, *labels).items()
            found |= {(shown, *values): count for values, count in counts if count.total}
    return dict(sorted(found.items(), key=lambda item: (-item[1].rate, -item[1].total, item[0])))


def _processes(interval: Interval) -> Iterator[Process]:
    cpu = interval.counts(catalog.PROCESS_CPU, "process")
    heard = interval.now(catalog.WORKER_HEARTBEAT, "slot")
    for key, memory in sorted(interval.now(catalog.PROCESS_MEMORY, "process").items(), key=_by_number):
        ago = max(interval.after.wall - heard[key], 0.0) if key in heard else None
        yield Process(key[0], memory, cpu.get(key, Count()).rate, ago)


def _by_number(item: tuple[Values, float]) -> tuple[int, str]:
    """The supervisor first, and slot 10 after slot 9."""
    (name,), _ = item
    return (int(name) if name.isdecimal() else -1, name)


def _nested(counts: Mapping[Values, Count]) -> dict[str, dict[str, Count]]:
    nested: dict[str, dict[str, Count]] = {}
    for (outer, inner), count in sorted(counts.items()):
        nested.setdefault(outer, {})[inner] = count
    return nested


def _part(of: float, whole: float) -> float | None:
    return of / whole if whole > 0 else None


def _first(values: Mapping[Values, float]) -> float | None:
    value = values.get(())
    return value if value is not None and isfinite(value) else None
