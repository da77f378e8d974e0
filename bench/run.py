"""A whole run: which loads, in which order, on whom. Subjects take turns at each, so that a slow phase hits all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.corpus import expected
from bench.hostile import MEGABYTE
from bench.measure import added_by, attack, measure, soak
from bench.peers import SUBJECTS
from bench.places import CORPUS, ROOT
from bench.resolver import DnsServer
from bench.results import Engine, Hostility, Measured, Results, Verdicts
from bench.running import Running
from bench.verdicts import FOUR_SIZES, check
from bench.versions import versions

LATE_MS = 20
PAUSE_MS = 30
"""Between DATA and the message: a client needs at least a round trip of its own to hand it over."""

CELLS = (("10K", 1), ("10K", 10), ("10K", 50), ("2K", 10), ("75K", 10), ("1M", 10))

_UNBOUNDED = 100_000


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything."""

    rounds: int
    seconds: float
    warm_up: float
    cold_sets: tuple[str, ...]
    cold: int
    late: int
    soak: int


FULL = Extent(rounds=3, seconds=2.0, warm_up=3.0, cold_sets=("cold-1", "cold-2"), cold=640, late=320, soak=100_000)
QUICK = Extent(rounds=1, seconds=1.0, warm_up=1.0, cold_sets=("cold-1",), cold=320, late=96, soak=10_000)


def run(directory: Path, *, quick: bool) -> Results:
    """Measure everything that is installed; `directory` is the run's own."""
    extent = QUICK if quick else FULL
    skipped = [missing for subject in SUBJECTS.values() if (missing := subject.missing)]
    for line in skipped:
        _say(line)
    with ExitStack() as stack:
        dns_server = stack.enter_context(DnsServer(directory))
        running = [stack.enter_context(each) for each in _subjects(directory)]
        turns = _Turns(running, dns_server, extent)
        # First: later there may be room left from other large messages.
        added = added_by(turns.named(peers.RELAYGUARD), "50M")
        judged = list(turns.verdicts(directory, FOUR_SIZES))
        measured = [*turns.warm(), *turns.cold()]
        # Only now: this makes the names known.
        judged += turns.verdicts(directory, extent.cold_sets[:1])
        measured += turns.late()
        engine = _engine(extent)
        _say(f"memory: {extent.soak} messages")
        memory = soak(turns.named(peers.RELAYGUARD), extent.soak, added)
        # Last: what it leaves behind in memory is not for the others to carry.
        hostility = tuple(turns.hostile())
    return Results(
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        cores=os.cpu_count() or 1,
        quick=quick,
        versions=versions(),
        skipped=tuple(skipped),
        measured=tuple(measured),
        engine=engine,
        memory=memory,
        hostility=hostility,
        verdicts=tuple(judged),
    )


def judge(directory: Path) -> Verdicts:
    """Check the verdicts of relayguard alone."""
    with DnsServer(directory), Running(SUBJECTS[peers.RELAYGUARD], directory / "relayguard") as running:
        return check(running, directory, FOUR_SIZES)


def _subjects(directory: Path) -> Iterator[Running]:
    present = [subject for subject in SUBJECTS.values() if not subject.missing]
    for number, subject in enumerate(present):
        _say(f"starting {subject.name}")
        yield Running(subject, directory / f"subject-{number}")


@dataclass(frozen=True, slots=True)
class _Turns:
    """The loads of a run; each method lets everybody have a turn."""

    running: list[Running]
    dns_server: DnsServer
    extent: Extent

    def named(self, name: str) -> Running:
        return next(each for each in self.running if each.subject.name == name)

    def verdicts(self, directory: Path, sets: Iterable[str]) -> Iterator[Verdicts]:
        for each in self._single():
            judged = check(each, directory, sets)
            _say(f"verdicts on {judged.sets}: {each.subject.name}: {judged.right} of {judged.checked} are right")
            yield judged

    def warm(self) -> Iterator[Measured]:
        for each in self.running:
            # A Python daemon is dearer in its first seconds.
            each.load("2K,10K,75K", concurrency=10, messages=_UNBOUNDED, seconds=self.extent.warm_up)
        for turn in range(self.extent.rounds):
            for name, concurrency in CELLS:
                for each in self.running:
                    yield self._told(f"round {turn + 1}", self._warm(each, name, concurrency))

    def cold(self) -> Iterator[Measured]:
        for name in self.extent.cold_sets:
            for each in self._single():
                cold = measure(each, self.dns_server, name, concurrency=10, messages=self.extent.cold, dns="cold")
                yield self._told("every name cold", cold)

    def late(self) -> Iterator[Measured]:
        self.dns_server.answer(LATE_MS)
        for each in self._single():
            # Names that were known may have expired meanwhile.
            each.load("10K", concurrency=4, messages=64)
            known = measure(each, self.dns_server, "10K", concurrency=4, messages=self.extent.late, dns="late")
            yield self._told(f"DNS {LATE_MS} ms late, names known", known)
            for name in ("late-signed", "late-unsigned"):
                yield self._told(f"DNS {LATE_MS} ms late", self._late(each, name))
            loaded = measure(
                each, self.dns_server, "late-load", concurrency=50, messages=self.extent.cold, dns="late"
            )
            yield self._told(f"DNS {LATE_MS} ms late", loaded)
        self.dns_server.answer(0)

    def hostile(self) -> Iterator[Hostility]:
        cases = [case for case in expected(CORPUS).values() if case.kind == "hostile"]
        for case in cases:
            megabytes = (CORPUS / case.file).stat().st_size / MEGABYTE
            for each in self.running:
                if each.subject.name in {peers.RELAYGUARD, peers.C_PAIR}:
                    cost = attack(each, case.set, case.set.removeprefix("hostile-"), megabytes)
                    _say(f"hostile: {cost.attack}: {cost.subject}: {cost.cpu_ms:.0f} ms, {cost.errors} errors")
                    yield cost

    def _single(self) -> Iterable[Running]:
        return (each for each in self.running if each.subject.name != peers.TWO_WORKERS)

    def _warm(self, each: Running, name: str, concurrency: int) -> Measured:
        each.load(name, concurrency=4, messages=16)
        return measure(
            each,
            self.dns_server,
            name,
            concurrency=concurrency,
            messages=_UNBOUNDED,
            seconds=self.extent.seconds,
        )

    def _late(self, each: Running, name: str) -> Measured:
        return measure(
            each,
            self.dns_server,
            name,
            concurrency=4,
            messages=self.extent.late,
            dns="late",
            pause_ms=PAUSE_MS,
        )

    @staticmethod
    def _told(what: str, found: Measured) -> Measured:
        _say(
            f"{what}: {found.set} at {found.concurrency}: {found.subject}: {found.cpu_ms:.2f} ms CPU,"
            f" {found.per_second:.0f}/s, p50 {found.p50_ms:.1f} p99 {found.p99_ms:.1f} ms, {found.errors} errors"
        )
        return found


def _engine(extent: Extent) -> Engine:
    _say("engine alone")
    command = [sys.executable, "-m", "bench.engine", str(extent.seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    return Engine.model_validate_json(done.stdout)


def _say(line: str) -> None:
    print(line, flush=True)
