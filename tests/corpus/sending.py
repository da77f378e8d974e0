"""Sends the honest messages through the whole pipeline, with any filters: one pipeline for all, as in a worker."""

import asyncio
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from relayguard import Defer, Envelope, Reject
from relayguard.app import build_filters, build_pipeline, services_of
from relayguard.config import Config
from relayguard.core.message import split_message
from relayguard.dns.zone import ZoneResolver
from relayguard.pipeline.connection import Client, Connection
from relayguard.pipeline.record import EnvelopeRecord, HookRun, Observer
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore
from relayguard.testing import CountedMetrics
from tests.corpus.honest import Honest, configuration, messages, zone

FILTERS = "author spf dkim arc dmarc"
_LISTENER = "default"


@dataclass
class Sent:
    """What became of one message: every call of a hook, what was refused before its end, and how it ended."""

    runs: list[HookRun] = field(default_factory=list)
    refusals: list[Reject | Defer] = field(default_factory=list)
    record: EnvelopeRecord | None = None


class _Watch(Observer):
    """Writes into the `Sent` of the message that is on its way."""

    def __init__(self) -> None:
        self.sent = Sent()

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        self.sent.runs.append(run)

    def decided(self, record: EnvelopeRecord) -> None:
        self.sent.record = record


def config(filters: str = FILTERS, tables: str = "") -> Config:
    """The receiver's configuration with these filters, and with TOML `tables` in place of its own of the same names."""
    ours, beside = tomllib.loads(configuration()), tomllib.loads(tables)
    of_filters = {**ours.get("filter", {}), **beside.get("filter", {})}
    return Config.model_validate_json(
        json.dumps({**ours, **beside, "filter": of_filters, "filters": filters.split()})
    )


def run(filters: str = FILTERS, tables: str = "", chosen: Iterable[Honest] | None = None) -> dict[str, Sent]:
    """Send all messages, or those `chosen`; return what became of each, by its name.

    ``run(f"{FILTERS} spoof", "[filter.spoof]...")`` sends them to a filter more.
    """
    settings, watch, metrics = config(filters, tables), _Watch(), CountedMetrics()
    services = services_of(settings, ZoneResolver(zone()), metrics, NoStore())
    built = build_filters(take(settings), services, _LISTENER)
    pipeline = build_pipeline(settings, built, watch, metrics, _LISTENER)
    found = {}
    with asyncio.Runner() as runner:
        for message in messages() if chosen is None else chosen:
            watch.sent = found[message.name] = Sent()
            runner.run(_send(message, pipeline.open(), watch.sent))
    return found


async def _send(message: Honest, connection: Connection, sent: Sent) -> None:
    fields, body = split_message(message.raw)
    client = Client(ip_address(message.client), message.helo)
    answers = [
        await connection.connect(client),
        await connection.helo(message.helo, {}),
        await connection.mail_from(f"<{message.mail_from}>".encode(), message.parameters, {}),
        *[await connection.rcpt_to(f"<{recipient}>".encode()) for recipient in message.recipients],
    ]
    sent.refusals += [answer for answer in answers if answer is not None]
    await connection.end_of_headers(fields, "Q1")
    await connection.body(body)
    await connection.end_of_message("Q1")
    await connection.close()
