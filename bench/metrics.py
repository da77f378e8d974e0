"""What metrics cost: a message through the pipeline, counted and not counted, and a scrape of four workers.

It needs no peers and no namespaces: ``python -m bench metrics``.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from statistics import median

from prometheus_client import generate_latest

from bench.signals import AUTHORS, cost_of_a_message
from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, build_resolver, services_of
from relayguard.config import parse
from relayguard.dns.resolver import DnsObserver
from relayguard.metrics.processes import ProcessMetrics
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.metrics.shared import share
from relayguard.pipeline.connection import Pipeline
from relayguard.pipeline.record import Observer
from relayguard.services import Answer, Question
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore
from relayguard.testing.dns_server import DnsServer

MESSAGE_TARGET, SCRAPE_TARGET = 60, 20
"""Microseconds of CPU that counting may cost a message, and milliseconds that a scrape of all workers may."""

WORKERS = 4

_ROUNDS = 24
_SCRAPES = 50
_ZONE = "".join(f'sender{number}.example. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\n' for number in range(AUTHORS))


class _Silent(Observer, DnsObserver):
    """Counts nothing."""

    def dns_answered(self, question: Question, answer: Answer, seconds: float) -> None:
        """See `DnsObserver`."""

    def dns_cache_hit(self, count: int = 1) -> None:
        """See `DnsObserver`."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of CPU for a message, milliseconds for a scrape, and the lines that it has."""

    message: float
    scrape: float
    lines: int


def measure() -> Cost:
    """Return what counting costs a message more, and what a scrape costs after traffic."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder, DnsServer(_ZONE) as dns:
        workers = [PrometheusMetrics(__version__, share(folder, slot)) for slot in range(WORKERS)]
        message = asyncio.run(_message(workers, dns.port))
        return Cost(message, *_scrape(folder))


async def _message(workers: list[PrometheusMetrics], dns_port: int) -> float:
    counted = [_pipeline(each, each, dns_port) for each in workers]
    bare = _pipeline(workers[0], _Silent(), dns_port)
    costs = []
    for number in range(_ROUNDS):
        base = await cost_of_a_message(bare)
        costs.append(1e6 * (await cost_of_a_message(counted[number % WORKERS]) - base))
    for each in counted:
        # Mail of another role has numbers of its own, which a scrape must read.
        await cost_of_a_message(each, "127.0.0.1")
    # In its first round each worker finds its numbers, and asks DNS.
    return median(costs[WORKERS:])


def _pipeline(metrics: PrometheusMetrics, observer: PrometheusMetrics | _Silent, dns_port: int) -> Pipeline:
    config = parse(f'authserv_id = "mx.example.com"\ndns.nameservers = ["127.0.0.1:{dns_port}"]')
    services = services_of(config, build_resolver(config, observer), metrics, NoStore())
    filters = build_filters(take(config), services, "default")
    return build_pipeline(config, filters, observer, metrics, "default")


def _scrape(folder: str) -> tuple[float, int]:
    registry = ProcessMetrics(folder, list).registry
    costs, text = [], b""
    for _ in range(_SCRAPES):
        started = time.process_time()
        text = generate_latest(registry)
        costs.append(1e3 * (time.process_time() - started))
    return median(costs), text.count(b"\n")
