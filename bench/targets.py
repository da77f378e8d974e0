"""What Relayguard must reach, row by row, and whether a run shows that it does. Nothing here measures.

A row is met or missed by the figures of one run alone: where it is about a peer, by that peer's in the same run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from bench import limits, signals
from bench.peers import C_PAIR, NATIVE, NATIVE_TWO, OPENDKIM, OURS, RELAYGUARD, RSPAMD, TWO_WORKERS
from bench.results import Dns, Hostility, Results, middle
from bench.turns import AT, LATE_MS, SLOW_MS

ENGINE_MS = 0.45
COLD_REPLY_MS, KNOWN_REPLY_MS = 25.0, 5.0
WORKER_MB, BIG_MESSAGE_MB = 80.0, 2.0
FLAT = 0.02
"""Memory is flat if the second half of the messages adds no more than this share."""
HOSTILE_MS, HOSTILE_MS_PER_MB = 50.0, 5.0
GROWS = 1.2
"""Throughput grows with workers if a second one adds a fifth, on two cores that the client shares."""

SHARES = (
    ("2K", RSPAMD, 0.8),
    ("10K", RSPAMD, 0.3),
    ("75K", RSPAMD, 0.55),
    ("1M", RSPAMD, 0.4),
    *((size, C_PAIR, share) for size in ("2K", "10K", "75K") for share in (1 / 2, 1 / 3)),
)
"""The share of a peer's CPU per message that is enough over the native transport."""

ADDED = (
    ("spoof", f"the spoof filter: {signals.DOMAINS} protected domains, {signals.PEOPLE} people", signals.TARGET),
    *((store, f"three limits on one recipient, counted in {store}", most) for store, most in limits.TARGETS.items()),
)
"""What a filter may add, in microseconds of CPU."""


class Outcome(Enum):
    """What became of a target."""

    MET = "met"
    MISSED = "MISSED"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Row:
    """One target: what is measured, what it must be, what it was, and the peer's figure, each as people read it."""

    what: str
    target: str
    measured: str
    peer: str
    outcome: Outcome


def rows(results: Results) -> list[Row]:
    """Return the whole table."""
    return [
        *(_cpu(results, RELAYGUARD, size, C_PAIR) for size in ("2K", "10K", "75K")),
        _cpu(results, RELAYGUARD, "10K", RSPAMD),
        _cpu(results, RELAYGUARD, "1M", OPENDKIM),
        *_over(results, RELAYGUARD, TWO_WORKERS),
        _engine(results),
        *(_added(results, *each) for each in ADDED),
        *(_share(results, *share) for share in SHARES),
        _cpu(results, NATIVE, "1M", OPENDKIM),
        *_over(results, NATIVE, NATIVE_TWO),
        *(_slow(results, at, "10K") for at in AT),
        *(_slow(results, at, "slow") for at in AT),
    ]


def _over(results: Results, ours: str, two: str) -> Iterator[Row]:
    """What holds of each transport."""
    yield _cold(results, ours)
    yield from _replies(results, ours)
    yield _workers(results, ours, two)
    yield _tail(results, ours)
    yield from _memory(results, ours)
    yield _hostile(results, ours)


def _named(ours: str, what: str) -> str:
    return what if ours == RELAYGUARD else f"{ours.removeprefix(RELAYGUARD + ', ')}: {what}"


def _below(what: str, ours: float | None, theirs: float | None, peer: str, unit: str) -> Row:
    return Row(
        what,
        f"below {peer}",
        _shown(ours, unit),
        _shown(theirs, unit),
        _outcome(None if ours is None or theirs is None else ours < theirs),
    )


def _within(what: str, ours: float | None, bound: float, unit: str, peer: str = "") -> Row:
    return Row(
        what, f"≤ {bound:g} {unit}", _shown(ours, unit), peer, _outcome(None if ours is None else ours <= bound)
    )


def _cpu(results: Results, name: str, size: str, peer: str) -> Row:
    ours, theirs = (_middle_cpu(results, subject, size, 10, "warm") for subject in (name, peer))
    return _below(_named(name, f"CPU per message, {size}"), ours, theirs, peer, "ms")


def _share(results: Results, size: str, peer: str, share: float) -> Row:
    ours, theirs = (_middle_cpu(results, subject, size, 10, "warm") for subject in (NATIVE, peer))
    found = ours / theirs if ours is not None and theirs else None
    return Row(
        _named(NATIVE, f"CPU per message, {size}"),
        f"≤ {share:.2g} of {peer}",
        _shown(ours, "ms") + (f", {found:.2f} of it" if found is not None else ""),
        _shown(theirs, "ms"),
        _outcome(None if found is None else found <= share),
    )


def _slow(results: Results, at: int, name: str) -> Row:
    """`name` is the set: the same names again and again, or each for the first time."""
    cold = name == "slow"
    # Who checks DKIM alone asks for one name only; once names are known, that is no advantage.
    apart = {*OURS, OPENDKIM} if cold else OURS
    speeds = {each: _per_second(results, each, name, at, "slow") for each in results.subjects()}
    ours, two = speeds.get(NATIVE), speeds.get(NATIVE_TWO)
    theirs = {peer: speed for peer, speed in speeds.items() if peer not in apart and speed is not None}
    best = max(theirs, key=lambda peer: theirs[peer], default=None)
    known, who = (
        ("every name cold", "every peer that checks SPF, DKIM and DMARC") if cold else ("names known", "every peer")
    )
    return Row(
        _named(NATIVE, f"throughput at {at}, DNS {SLOW_MS} ms late, {known}"),
        f"above {who}",
        _shown(ours, "/s") + (f" (2 workers: {_shown(two, '/s')})" if two is not None else ""),
        f"{_shown(theirs[best], '/s')} ({best})" if best else "",
        _outcome(None if ours is None or best is None else ours > theirs[best]),
    )


def _cold(results: Results, name: str) -> Row:
    ours, theirs = (_middle_cpu(results, subject, "cold", 10, "cold") for subject in (name, C_PAIR))
    return _below(_named(name, "CPU per message, 10K, every name cold"), ours, theirs, C_PAIR, "ms")


def _engine(results: Results) -> Row:
    engine = results.engine
    row = _within("engine alone, 10K, warm DNS", engine.bare_ms if engine else None, ENGINE_MS, "ms")
    if engine is None:
        return row
    return Row(
        row.what, row.target, f"{row.measured} ({engine.observed_ms:.2f} with metrics and log)", "", row.outcome
    )


def _added(results: Results, name: str, what: str, most: float) -> Row:
    return _within(f"added by {what}", results.added_us.get(name), most, "µs")


def _replies(results: Results, name: str) -> Iterator[Row]:
    for set_name, what, bound in (
        ("late-signed", "every name cold", COLD_REPLY_MS),
        ("10K", "names cached", KNOWN_REPLY_MS),
        ("late-unsigned", "unsigned mail, names asked at MAIL", KNOWN_REPLY_MS),
    ):
        ours, theirs = (_reply(results, subject, set_name) for subject in (name, C_PAIR))
        yield _within(
            _named(name, f"end of headers to reply, p50, DNS {LATE_MS} ms late: {what}"),
            ours,
            bound,
            "ms",
            _shown(theirs, "ms"),
        )


def _workers(results: Results, name: str, name_of_two: str) -> Row:
    one, two = (_per_second(results, subject, "10K", 10, "warm") for subject in (name, name_of_two))
    what, target = _named(name, "throughput with 1 and 2 workers, 10K"), f"2 give ≥ {GROWS:g} times 1"
    if one is None or two is None:
        return Row(what, target, "", "", Outcome.UNKNOWN)
    return Row(what, target, f"1: {one:.0f}/s, 2: {two:.0f}/s", "", _outcome(two >= GROWS * one))


def _tail(results: Results, name: str) -> Row:
    ours, theirs = (middle([e.p99_ms for e in results.of(subject, "10K", 50)]) for subject in (name, C_PAIR))
    return _below(_named(name, "latency p99 at 50 connections, 10K"), ours, theirs, C_PAIR, "ms")


def _memory(results: Results, name: str) -> Iterator[Row]:
    memory = next((each for each in results.memory if each.subject == name), None)
    last = memory.rss_mb[-1] if memory else None
    count = f"{memory.messages[-1]:,}" if memory else "many"
    yield _within(_named(name, f"memory of a worker after {count} messages"), last, WORKER_MB, "MB")
    what, target = _named(name, "the same, flat"), f"second half adds ≤ {FLAT:.0%}"
    if memory is None:
        yield Row(what, target, "", "", Outcome.UNKNOWN)
    else:
        half = memory.rss_mb[len(memory.rss_mb) // 2 - 1]
        growth = memory.rss_mb[-1] - half
        yield Row(what, target, f"{growth:+.1f} MB of {half:.0f}", "", _outcome(growth <= FLAT * half))
    yield _within(
        _named(name, "what a message of 50 MB adds"), memory.added_by_50_mb if memory else None, BIG_MESSAGE_MB, "MB"
    )


def _hostile(results: Results, name: str) -> Row:
    what, target = (
        _named(name, "worst hostile message, CPU"),
        f"≤ {HOSTILE_MS:g} ms + {HOSTILE_MS_PER_MB:g} ms per MB",
    )
    ours = [each for each in results.hostility if each.subject == name]
    if not ours:
        return Row(what, target, "", "", Outcome.UNKNOWN)
    unanswered = [each.attack for each in ours if each.errors]
    if unanswered:
        return Row(what, target, f"no answer to {', '.join(unanswered)}", "", Outcome.MISSED)
    worst = max(ours, key=lambda each: each.cpu_ms / allowed_ms(each.megabytes))
    peer = next((e for e in results.hostility if (e.subject, e.attack) == (C_PAIR, worst.attack)), None)
    measured = (
        f"{worst.cpu_ms:.0f} ms of {allowed_ms(worst.megabytes):.0f} ({worst.attack}, {worst.megabytes:.1f} MB)"
    )
    theirs = hostile_cost(peer, " ms") if peer else ""
    return Row(what, target, measured, theirs, _outcome(worst.cpu_ms <= allowed_ms(worst.megabytes)))


def hostile_cost(found: Hostility, unit: str = "") -> str:
    """Return what a hostile message cost in milliseconds, and whether the work was done at all."""
    if found.errors:
        return "no answer"
    return f"{found.cpu_ms:.0f}{unit}" + (" (refused)" if found.refused else "")


def allowed_ms(megabytes: float) -> float:
    """Return the CPU time that a message of this size may cost, whatever it contains."""
    return HOSTILE_MS + HOSTILE_MS_PER_MB * megabytes


def _middle_cpu(results: Results, subject: str, name: str, concurrency: int, dns: Dns) -> float | None:
    return middle([each.cpu_ms for each in results.of(subject, name, concurrency, dns)])


def _per_second(results: Results, subject: str, name: str, concurrency: int, dns: Dns) -> float | None:
    return middle([each.per_second for each in results.of(subject, name, concurrency, dns)])


def _reply(results: Results, subject: str, name: str) -> float | None:
    return middle([each.eoh_p50_ms for each in results.of(subject, name, 4, "late")])


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.2f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def _outcome(reached: bool | None) -> Outcome:  # noqa: FBT001  # the one thing it is told
    if reached is None:
        return Outcome.UNKNOWN
    return Outcome.MET if reached else Outcome.MISSED
