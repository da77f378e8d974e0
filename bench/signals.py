"""What the spoof filter costs: honest-looking mail through the pipeline, with it and without it.

It needs no peers and no namespaces: ``python -m bench signals``.
"""

import asyncio
import ipaddress
import tempfile
import time
from pathlib import Path
from statistics import median

from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, services_of
from relayguard.config import parse
from relayguard.dns.zone import ZoneResolver
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.connection import Client, Pipeline
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore

TARGET = 100
"""Microseconds of CPU that a message may cost more, with so many protected names."""

DOMAINS, PEOPLE = 50, 500

AUTHORS = 200
_ROUNDS = 9
_ZONE = "".join(f"sender{number}.example. IN MX 10 mail.sender{number}.example.\n" for number in range(AUTHORS))


def measure() -> float:
    """Return microseconds of CPU that a message costs more; the median of rounds taken in turn."""
    with tempfile.TemporaryDirectory(prefix="rg-") as name:
        return asyncio.run(_measure(Path(name)))


async def _measure(folder: Path) -> float:
    domains, people = folder / "domains.txt", folder / "people.txt"
    domains.write_text("".join(f"partner{number}.example\n" for number in range(DOMAINS)))
    people.write_text("".join(f"Given{number} Family{number} <p{number}@example.com>\n" for number in range(PEOPLE)))
    tables = (
        f'[filter.spoof]\nown_domains = ["example.com"]\nprotected_domains = "{domains}"\n'
        f'protected_people = "{people}"\n'
    )
    others = '"author", "spf", "dkim"'
    bare, spoof = _pipeline(others, ""), _pipeline(f'{others}, "spoof"', tables)
    costs = []
    for _ in range(_ROUNDS):
        base = await cost_of_a_message(bare)
        costs.append(1e6 * (await cost_of_a_message(spoof) - base))
    return median(costs[1:])


def _pipeline(filters: str, tables: str) -> Pipeline:
    config = parse(f'authserv_id = "mx.example.com"\nfilters = [{filters}]\n{tables}')
    metrics = PrometheusMetrics(__version__)
    services = services_of(config, ZoneResolver(_ZONE), metrics, NoStore())
    return build_pipeline(config, build_filters(take(config), services, "default"), metrics, metrics, "default")


async def cost_of_a_message(pipeline: Pipeline, client: str = "192.0.2.1") -> float:
    """Return the CPU seconds of one of honest-looking messages, each author twice."""
    started = time.process_time()
    for number in range(2 * AUTHORS):
        author = f"sender{number % AUTHORS}.example"
        fields = [
            ("From", f' "Some{number % AUTHORS} Body" <someone@{author}>'.encode()),
            ("To", b" bob@example.com"),
            ("Reply-To", f" answers@{author}".encode()),
            ("Subject", b" A subject"),
            ("Date", b" Mon, 23 Nov 2026 09:00:00 +0000"),
            ("Message-ID", f" <{number}@{author}>".encode()),
        ]
        connection = pipeline.open()
        await connection.connect(Client(ipaddress.ip_address(client), "client.example"))
        await connection.mail_from(f"<someone@{author}>".encode(), (), {})
        await connection.rcpt_to(b"<bob@example.com>")
        await connection.end_of_headers(fields, "Q1")
        await connection.end_of_message(None)
        await connection.close()
    return (time.process_time() - started) / (2 * AUTHORS)
