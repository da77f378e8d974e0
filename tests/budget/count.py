"""Counts the calls that a message costs, without a clock: the same number each time, on every machine.

What is counted, and why:

- Calls of Python functions of relayguard and of its filters, each resumption of a generator included, and calls of C
  functions made directly by them. What libraries call among themselves is not: another version of a library must not
  move the number. A function belongs to the module whose globals it has, so those that dataclasses write count as well.
- One message after another in one task, when nothing is left to be learnt: every name is in the cache, every key parsed.
  No call waits, so nothing is decided by a clock.
- In a process of its own, so that no other test has filled or emptied a cache.

CPython 3.11 alone is counted: later versions inline comprehensions, and tell of other calls of C.
"""

import asyncio
import gc
import math
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import FrameType
from typing import TextIO

from bench.corpus import Case, Message, message
from bench.keys import KeyPair, make_keys, pairs_of
from bench.site import Site, known_sites, provider_records, records_of, stranger_records
from bench.verdicts import verdicts_of
from relayguard import __version__
from relayguard.app import build_filters, build_pipeline, build_resolver, services_of
from relayguard.config import parse
from relayguard.log import Floods, Logger, make_logger
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.metrics.shared import share
from relayguard.pipeline.connection import Pipeline
from relayguard.pipeline.dispatch import Dispatcher
from relayguard.pipeline.envelope_log import EnvelopeLog
from relayguard.pipeline.record import Observers
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore
from relayguard.testing.dns_server import DnsServer
from tests.budget.ways import Engine, Native, Way

MESSAGES = {
    "2K, unsigned, of a new author": ("2K", "unsigned"),
    "2K, one RSA signature": ("2K", "rsa"),
    "2K, RSA and Ed25519": ("2K", "dual"),
    "2K, forwarded and broken: all fail": ("2K", "broken"),
    "75K, one RSA signature": ("75K", "rsa"),
}
"""What is counted: the size and the kind of each message, in the words of the benchmark's corpus."""

_WARM_UP = 4
_MOST_WAYS = 2
_STEP = math.lcm(7, 9, 50, 200)
_COUNTED = ("relayguard.", "relayguard_plugins.")
_CONFIGURATION = """
authserv_id = "mx.bench.test"
filters = ["author", "spf", "dkim", "dmarc"]
dns.nameservers = ["127.0.0.1:{port}"]
metrics.address = "off"
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """How many functions of ours were called, and how many of C they called themselves."""

    python: int
    c: int


async def count(folder: str, nowhere: TextIO) -> dict[str, dict[str, Calls]]:
    """Return what each message costs, by the way that it takes.

    Metrics are written into `folder`, as a worker writes them, and log lines to `nowhere`.
    """
    share(folder, 0)
    keys = pairs_of(make_keys(2))
    with DnsServer(_zone(keys)) as dns_server:
        logger = make_logger("json", "info", nowhere, floods=Floods())
        pipeline = _pipeline(dns_server.port, logger)
        ways: dict[str, Way] = {"engine": Engine(pipeline), "native": Native(pipeline, logger)}
        return {name: await _count_all(way, keys, first) for first, (name, way) in enumerate(ways.items(), start=9)}


def _pipeline(dns_port: int, logger: Logger) -> Pipeline:
    config = parse(_CONFIGURATION.format(port=dns_port))
    metrics = PrometheusMetrics(__version__)
    listener = next(iter(config.listener))
    filters = build_filters(
        take(config), services_of(config, build_resolver(config, metrics), metrics, NoStore()), listener
    )
    observer = Observers([metrics, EnvelopeLog(logger)])
    pipeline = build_pipeline(config, filters, observer, metrics, listener)
    # However long the machine pauses, no filter is taken for a slow one and moved to another thread.
    return replace(pipeline, dispatcher=Dispatcher(filters, observer, hold=math.inf))


async def _count_all(way: Way, keys: tuple[KeyPair, ...], first: int) -> dict[str, Calls]:
    site = known_sites(keys)[0]
    counted = {}
    for name, (size, kind) in MESSAGES.items():
        *known, once, twice = islice(_messages(size, kind, site, first), _WARM_UP + 2)
        for case, raw in known:
            run, fields = way.ready(case, raw)
            await run()
            _check(case, fields())
        # What a warm-up left to be done later is done now.
        await asyncio.sleep(0.01)
        calls = await _counted(way, *once)
        if calls != (again := await _counted(way, *twice)):
            raise RuntimeError(f"{name}: a message costs {calls}, and the next of its kind {again}")
        counted[name] = calls
    return counted


def _messages(size: str, kind: str, site: Site, first: int) -> Iterator[Message]:
    """Yield messages of the same words and the same author, each with a sender, identifiers and signatures of its own."""
    # The corpus makes addresses of a number's remainders: by this step all of them stay the same.
    for number in range(first * _STEP, 79 * _STEP, _MOST_WAYS * _STEP):
        case, raw = message(number, size, kind, site, random.Random(0))
        if kind == "unsigned":
            # What is known of an author is left out only here.
            raw = raw.replace(b"<team0@", b"<team%d@" % number)
        # The others' header.b= is quoted in the results, which chance must not decide.
        if all(start.isalnum() for start in re.findall(rb"\r\n\tb=(.{8})", raw)):
            yield case, raw


async def _counted(way: Way, case: Case, raw: bytes) -> Calls:
    run, _ = way.ready(case, raw)
    found = {"call": 0, "c_call": 0}

    def see(frame: FrameType, event: str, _argument: object) -> None:
        if event in found and frame.f_globals.get("__name__", "").startswith(_COUNTED):
            found[event] += 1

    gc.collect()
    gc.disable()
    sys.setprofile(see)
    try:
        await run()
    finally:
        sys.setprofile(None)
        gc.enable()
    return Calls(found["call"], found["c_call"])


def _check(case: Case, fields: list[str]) -> None:
    """A message that is judged wrongly goes another way, and its number says nothing."""
    shown = verdicts_of(fields)
    if shown != {"spf": case.spf, "dkim": case.dkim, "dmarc": case.dmarc}:
        raise RuntimeError(f"{case.id}: {shown}")


def _zone(keys: tuple[KeyPair, ...]) -> str:
    known = known_sites(keys)
    records = [*stranger_records(), *provider_records(known[0]), *records_of(known[0])]
    return "\n".join(f"{each.name}. 86400 IN {each.type} {each.value}" for each in records)
