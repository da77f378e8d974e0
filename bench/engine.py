"""What Relayguard's filters cost without any transport: messages of 10 KB through the pipeline, DNS warm.

Run as a program in a process of its own; it prints what it found as JSON.
"""

import asyncio
import ipaddress
import sys
import time
from pathlib import Path
from statistics import median
from typing import TextIO

from bench.corpus import Case, expected
from bench.places import CORPUS
from bench.results import Engine
from bench.sandbox import RESOLVER
from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, build_resolver, services_of
from relayguard.config import Config, parse
from relayguard.core.message import split_message
from relayguard.log import Floods, make_logger
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.connection import Client, Pipeline
from relayguard.pipeline.envelope_log import EnvelopeLog
from relayguard.pipeline.record import Observer, Observers
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore

_CONFIGURATION = f"""
authserv_id = "mx.bench.test"
filters = ["author", "spf", "dkim", "dmarc"]
dns.nameservers = ["{RESOLVER}:53"]
metrics.address = "off"
"""
_CHUNK = 65_535
_ROUNDS = 5

Incoming = tuple[Case, list[tuple[str, bytes]], bytes]


def main() -> None:
    """Measure for as many seconds as the argument says, and print."""
    with Path("/dev/null").open("w") as nowhere:
        asyncio.run(_measure(float(sys.argv[1]), nowhere))


async def _measure(seconds: float, nowhere: TextIO) -> None:
    config = parse(_CONFIGURATION)
    metrics = PrometheusMetrics(__version__)
    incoming = [
        (case, *split_message((CORPUS / case.file).read_bytes()))
        for case in expected(CORPUS).values()
        if case.set == "10K"
    ]
    bare = await _cost(_pipeline(config, metrics, Observer()), incoming, seconds)
    observer = Observers([metrics, EnvelopeLog(make_logger("json", "info", nowhere, floods=Floods()))])
    observed = await _cost(_pipeline(config, metrics, observer), incoming, seconds)
    print(Engine(bare_ms=bare, observed_ms=observed).model_dump_json())


def _pipeline(config: Config, metrics: PrometheusMetrics, observer: Observer) -> Pipeline:
    resolver = build_resolver(config, metrics)
    listener = next(iter(config.listener))
    filters = build_filters(take(config), services_of(config, resolver, metrics, NoStore()), listener)
    return build_pipeline(config, filters, observer, metrics, listener)


async def _cost(pipeline: Pipeline, incoming: list[Incoming], seconds: float) -> float:
    """Return CPU milliseconds per message, the median of several rounds after one that warms up."""
    costs = []
    for share in (0.5, *(1 / _ROUNDS,) * _ROUNDS):
        started, count, ends = time.process_time(), 0, time.monotonic() + seconds * share
        while time.monotonic() < ends:
            for message in incoming:
                await _deliver(pipeline, *message)
            count += len(incoming)
        costs.append(1e3 * (time.process_time() - started) / count)
    return median(costs[1:])


async def _deliver(pipeline: Pipeline, case: Case, fields: list[tuple[str, bytes]], body: bytes) -> None:
    connection = pipeline.open()
    await connection.connect(Client(ipaddress.ip_address(case.client), case.helo))
    await connection.helo(case.helo, {})
    await connection.mail_from(f"<{case.sender}>".encode(), (), {})
    await connection.rcpt_to(f"<{case.recipient}>".encode())
    await connection.end_of_headers(fields, "4Q00000001")
    for start in range(0, len(body), _CHUNK):
        await connection.body(body[start : start + _CHUNK])
    await connection.end_of_message(None)
    await connection.close()


if __name__ == "__main__":
    main()
