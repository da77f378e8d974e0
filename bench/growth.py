"""Measures how cost grows: with workers, with filters, and with a message in each respect. Native transport only."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.larger import BODIES, FIELDS, RECIPIENTS, SIGNATURES
from bench.measure import measure
from bench.peers import relayguard
from bench.resolver import DnsServer
from bench.running import Running
from bench.scale import Curve, Scale
from bench.turns import UNBOUNDED, say

WORKERS = (1, 2, 4)
FILTERS = (1, 5, 10, 15, 20)
MEGABYTE = 1e6
BY_WORKERS = "workers"

_ROUNDS = 3
_SECONDS = 1.5
_WARM_UP_SECONDS = 2.0
_TRIVIAL = '''\
"""Looks at every message three times, and finds nothing."""

from collections.abc import Iterator

from relayguard import Effect, Envelope, Headers, Session, hookimpl


class Trivial:
    @hookimpl
    def mail_from(self, session: Session, envelope: Envelope) -> Iterator[Effect]:
        yield from ()

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        yield from ()

    @hookimpl
    def end_of_message(self, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        yield from ()
'''


@dataclass(frozen=True, slots=True)
class _Step:
    """One load: how much there is of what grows, and what is sent to whom."""

    axis: str
    amount: float
    running: Running
    name: str
    concurrency: int = 10


def measure_growth(directory: Path) -> Scale:
    """Measure every step several times, in turns; `directory` is the run's own."""
    with ExitStack() as stack:
        dns_server = stack.enter_context(DnsServer(directory))
        workers = {count: stack.enter_context(_workers(directory, count)) for count in WORKERS}
        filters = {count: stack.enter_context(_filters(directory, count)) for count in FILTERS}
        for each in (*workers.values(), *filters.values()):
            each.load("2K,10K", concurrency=10, messages=UNBOUNDED, seconds=_WARM_UP_SECONDS)
        steps = [
            *(_Step(BY_WORKERS, count, each, "10K", 50) for count, each in workers.items()),
            *(_Step("trivial filters", count, each, "2K") for count, each in filters.items()),
            *(_Step("signatures", count, workers[1], f"signatures-{count}") for count in SIGNATURES),
            *(_Step("recipients", count, workers[1], f"recipients-{count}") for count in RECIPIENTS),
            *(_Step("header fields", count, workers[1], f"fields-{count}") for count in FIELDS),
            *(_Step("MB of body", size / MEGABYTE, workers[1], f"body-{size}", 4) for size in BODIES),
        ]
        found = [(step, _measured(step, dns_server)) for _ in range(_ROUNDS) for step in steps]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return Scale(when=when, cores=os.cpu_count() or 1, curves=tuple(_curves(found)))


def _workers(directory: Path, count: int) -> Running:
    subject = relayguard(f"{count} workers", "native", count, 18_100 + count)
    return Running(subject, directory / f"workers-{count}")


def _filters(directory: Path, count: int) -> Running:
    folder = directory / "filters"
    folder.mkdir(exist_ok=True)
    names = [f"trivial_{number}" for number in range(count)]
    for name in names:
        (folder / f"{name}.py").write_text(_TRIVIAL)
    subject = relayguard(f"{count} filters", "native", 1, 18_200 + count, names, f'plugin_directory = "{folder}"')
    return Running(subject, directory / f"filters-{count}")


def _measured(step: _Step, dns_server: DnsServer) -> float:
    found = measure(
        step.running, dns_server, step.name, concurrency=step.concurrency, messages=UNBOUNDED, seconds=_SECONDS
    )
    say(
        f"{step.amount:g} {step.axis}: {found.cpu_ms:.2f} ms CPU, {found.per_second:.0f}/s,"
        f" {found.messages} messages, {found.errors} errors"
    )
    return found.per_second if step.axis == BY_WORKERS else found.cpu_ms


def _curves(found: Iterable[tuple[_Step, float]]) -> Iterator[Curve]:
    # The best round counts: what else the machine does only makes it worse, and one bad point bends a curve.
    axes: dict[str, dict[float, list[float]]] = {}
    for step, value in found:
        axes.setdefault(step.axis, {}).setdefault(step.amount, []).append(value)
    for axis, values in axes.items():
        speed = axis == BY_WORKERS
        unit = "messages a second" if speed else "ms of CPU a message"
        yield Curve(
            what=axis,
            unit=unit,
            xs=tuple(values),
            ys=tuple(map(max if speed else min, values.values())),
            fitted=not speed,
        )
