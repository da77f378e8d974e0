"""One measurement at a time: a load on one subject, and what it cost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.processes import (
    busy_seconds,
    calibrate,
    cpu_seconds,
    forget_peak,
    peak_rss,
    pss,
    rss_of_each,
)
from bench.resolver import DnsServer
from bench.results import Dns, Hostility, Measured, Memory
from bench.running import Load, Running
from bench.sandbox import BenchError

_LOOK_SECONDS = 0.25
_SOAK_STEPS = 10
_HOSTILE_MESSAGES = 8
_HOSTILE_SECONDS = 4.0
_SMALL_MESSAGES = 2000


def measure(
    running: Running,
    dns_server: DnsServer,
    name: str,
    *,
    concurrency: int,
    messages: int,
    seconds: float = 60,
    pause_ms: int = 0,
    dns: Dns = "warm",
) -> Measured:
    """Send messages of the set `name` until one of the limits is reached, and account for everything."""
    calibration = calibrate()
    queries, busy = dns_server.queries, busy_seconds()
    ours, theirs = _cpu(running), dns_server.cpu_seconds
    with _largest_memory(running) as largest:
        load = running.load(name, concurrency=concurrency, messages=messages, seconds=seconds, pause_ms=pause_ms)
    ours, theirs = _cpu(running) - ours, dns_server.cpu_seconds - theirs
    foreign = busy_seconds() - busy - ours - theirs - load.client_cpu_s
    count = max(load.messages, 1)
    return Measured(
        subject=running.subject.name,
        set=name,
        dns=dns,
        concurrency=concurrency,
        messages=load.messages,
        errors=load.errors,
        cpu_ms=1e3 * ours / count,
        per_second=load.messages / load.seconds,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        eoh_p50_ms=load.eoh_p50_ms,
        rss_mb=largest[0],
        pss_mb=sum(map(pss, running.pids)),
        queries=(dns_server.queries - queries) / count,
        foreign=max(0.0, foreign / load.seconds),
        calibration=(calibration + calibrate()) / 2,
    )


def soak(running: Running, messages: int, added_by_50_mb: float) -> Memory:
    """Send many messages, and look how memory grows."""
    sent, rss = [], []
    for step in range(1, _SOAK_STEPS + 1):
        running.load("2K", concurrency=10, messages=messages // _SOAK_STEPS)
        sent.append(step * (messages // _SOAK_STEPS))
        rss.append(_largest_process(running))
    return Memory(
        subject=running.subject.name, messages=tuple(sent), rss_mb=tuple(rss), added_by_50_mb=added_by_50_mb
    )


def attack(running: Running, name: str, attack_name: str, megabytes: float) -> Hostility:
    """Send a hostile message several times, one after another."""
    ours = _cpu(running)
    load = _hostile_load(running, name)
    cost = 1e3 * (_cpu(running) - ours) / max(load.messages + load.errors, 1)
    return Hostility(
        attack=attack_name,
        subject=running.subject.name,
        megabytes=megabytes,
        cpu_ms=cost,
        errors=load.errors,
        refused=load.refused,
    )


def _hostile_load(running: Running, name: str) -> Load:
    return running.load(name, concurrency=1, messages=_HOSTILE_MESSAGES, seconds=_HOSTILE_SECONDS)


def added_by(running: Running, name: str) -> float:
    """Return by how many MB one message of a set raises the memory of daemons that know small mail only."""
    running.load("2K", concurrency=10, messages=_SMALL_MESSAGES)
    before = sum(sum(rss_of_each(pid)) for pid in running.pids)
    for pid in running.pids:
        forget_peak(pid)
    load = running.load(name, concurrency=1, messages=1)
    if load.errors:
        raise BenchError(f"{running.subject.name} did not take the message {name}")
    return max(0.0, sum(map(peak_rss, running.pids)) - before)


def _largest_process(running: Running) -> float:
    return max(each for pid in running.pids for each in rss_of_each(pid))


def _cpu(running: Running) -> float:
    return sum(map(cpu_seconds, running.pids))


@contextmanager
def _largest_memory(running: Running) -> Iterator[list[float]]:
    """Watch the tree's resident memory; the one element of the list is its largest sum."""
    largest, ended = [0.0], threading.Event()

    def watch() -> None:
        while True:
            largest[0] = max(largest[0], sum(sum(rss_of_each(pid)) for pid in running.pids))
            if ended.wait(_LOOK_SECONDS):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield largest
    finally:
        ended.set()
        watcher.join()
