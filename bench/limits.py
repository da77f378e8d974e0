"""What limits cost: the same message of one recipient through the pipeline, with three rules and without any.

It needs no peers and no namespaces: ``python -m bench limits``. Redis is started for it, if it is installed.
"""

import asyncio
import ipaddress
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, build_store, services_of
from relayguard.cli.offline import NoResolver
from relayguard.config import parse
from relayguard.log import make_logger
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.connection import Client, Pipeline
from relayguard.snapshot import take
from relayguard.testing.redis import PrivateRedis, redis_program

TARGETS = {"lmdb": 60, "redis": 200}
"""Microseconds of CPU that a message with one recipient may cost more, if it meets three rules."""

_RULES = """
[[filter.ratelimit.rule]]
name = "rate"
limit = "1,000,000 recipients per hour, burst 1,000,000"
key = ["login"]
[[filter.ratelimit.rule]]
name = "count"
limit = "1,000,000,000 recipients per day"
key = ["login"]
[[filter.ratelimit.rule]]
name = "network"
limit = "1,000,000,000 recipients per day, burst 1,000,000"
key = ["network"]
"""
_ROUNDS = 9
_MESSAGES = 1000
_LOGINS = 500


def measure() -> dict[str, float]:
    """Return microseconds of CPU that a message costs more, by store; the median of rounds taken in turn."""
    with _stores() as stores:
        return asyncio.run(_measure(stores))


@contextmanager
def _stores() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rg-")))
        stores = {"memory": 'kind = "memory"', "lmdb": f'kind = "lmdb"\nfolder = "{folder}/limits"'}
        if redis_program():
            server = stack.enter_context(PrivateRedis(folder / "redis"))
            stores["redis"] = f'kind = "redis"\nurl = "{server.unix_url}"\nfolder = "{folder}/spare"\ntimeout = 1.0'
        yield stores


async def _measure(stores: dict[str, str]) -> dict[str, float]:
    pipelines = {name: _pipeline(f"[store]\n{lines}\n{_RULES}") for name, lines in stores.items()}
    bare = _pipeline("")
    costs: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(_ROUNDS):
        base = await _cost(bare)
        for name, pipeline in pipelines.items():
            costs[name].append(1e6 * (await _cost(pipeline) - base))
    return {name: median(found[1:]) for name, found in costs.items()}


def _pipeline(tables: str) -> Pipeline:
    config = parse(f'authserv_id = "mx.example.com"\nfilters = ["ratelimit"]\n{tables}')
    metrics = PrometheusMetrics(__version__)
    store = build_store(config, metrics, make_logger("json", "error"), workers=1)
    filters = build_filters(take(config), services_of(config, NoResolver(), metrics, store), "default")
    return build_pipeline(config, filters, metrics, metrics, "default")


async def _cost(pipeline: Pipeline) -> float:
    """Return the CPU seconds of a message, this process's own."""
    started = time.process_time()
    for number in range(_MESSAGES):
        connection = pipeline.open()
        await connection.connect(Client(ipaddress.ip_address("192.0.2.1"), "client.example"))
        login = {"{auth_type}": "PLAIN", "{auth_authen}": f"user{number % _LOGINS}@example.com"}
        await connection.mail_from(b"<a@example.org>", (), login)
        await connection.rcpt_to(b"<b@example.com>")
        await connection.end_of_headers([("From", b" a@example.org")], "Q1")
        await connection.end_of_message(None)
        await connection.close()
    return (time.process_time() - started) / _MESSAGES
