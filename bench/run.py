"""A whole run: what is measured, in which order, on whom."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import limits, peers, signals
from bench.corpus import ROUNDS
from bench.measure import added_by, soak
from bench.peers import SUBJECTS
from bench.places import ROOT
from bench.resolver import DnsServer
from bench.results import Engine, Memory, Results, Verdicts
from bench.running import Running
from bench.turns import Turns, say
from bench.verdicts import FOUR_SIZES, check
from bench.versions import versions


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything."""

    rounds: int
    seconds: float
    warm_up: float
    soak: int


FULL = Extent(rounds=ROUNDS, seconds=1.5, warm_up=2.0, soak=100_000)
QUICK = Extent(rounds=1, seconds=1.0, warm_up=1.0, soak=10_000)


def run(directory: Path, *, quick: bool) -> Results:
    """Measure everything that is installed; `directory` is the run's own."""
    extent = QUICK if quick else FULL
    skipped = [missing for subject in SUBJECTS.values() if (missing := subject.missing)]
    for line in skipped:
        say(line)
    with ExitStack() as stack:
        dns_server = stack.enter_context(DnsServer(directory))
        running = [stack.enter_context(each) for each in _subjects(directory)]
        turns = Turns(running, dns_server, extent.rounds, extent.seconds)
        ours = [turns.named(name) for name in peers.TRANSPORTS.values()]
        # First: later there may be room left from other large messages.
        added = [added_by(each, "50M") for each in ours]
        judged = list(turns.verdicts(directory, FOUR_SIZES))
        measured = [*turns.warm(extent.warm_up), *turns.cold()]
        # Only now: this makes the names known.
        judged += turns.verdicts(directory, ["cold-1"])
        measured += [*turns.late(), *turns.slow()]
        engine, added_us = _engine(extent), _added_by_filters()
        memory = _memory(ours, extent.soak, added)
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
        added_us=added_us,
        memory=memory,
        hostility=hostility,
        verdicts=tuple(judged),
    )


def judge(directory: Path) -> list[Verdicts]:
    """Check the verdicts of relayguard alone, over each transport."""
    judged = []
    for transport, name in peers.TRANSPORTS.items():
        with DnsServer(directory), Running(SUBJECTS[name], directory / transport) as running:
            judged.append(check(running, directory, FOUR_SIZES))
    return judged


def _subjects(directory: Path) -> Iterator[Running]:
    present = [subject for subject in SUBJECTS.values() if not subject.missing]
    for number, subject in enumerate(present):
        say(f"starting {subject.name}")
        yield Running(subject, directory / f"subject-{number}")


def _memory(ours: list[Running], messages: int, added: list[float]) -> tuple[Memory, ...]:
    say(f"memory: {messages} messages to each")
    # At once: time does not count here.
    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(soak, ours, [messages] * len(ours), added))


def _engine(extent: Extent) -> Engine:
    say("engine alone")
    command = [sys.executable, "-m", "bench.engine", str(extent.seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    return Engine.model_validate_json(done.stdout)


def _added_by_filters() -> dict[str, float]:
    say("limits and signals alone")
    return {**limits.measure(), "spoof": signals.measure()}
