"""The whole pipeline with every filter that ships, over a zone in memory: what is fed to it is a milter conversation."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from relayguard import Failed, __version__
from relayguard.app import build_filters, build_pipeline, services_of
from relayguard.config import parse
from relayguard.dns.zone import ZoneResolver
from relayguard.log import make_logger
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.connection import Client, Connection, Pipeline
from relayguard.pipeline.envelope_log import EnvelopeLog
from relayguard.pipeline.record import EnvelopeRecord, Observer, Observers
from relayguard.services import Metrics
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore
from relayguard.testing import CountedMetrics

_CHUNK = 65_535
_LISTENER = "default"
# Nothing is refused, for who refuses is done early; and those who trust somebody look at more of a message.
CONFIGURATION = """
authserv_id = "mx.example.com"
profile = "monitor"
filters = ["author", "spf", "iprev", "dkim", "arc", "dmarc", "received_spf"]
strip_headers = ["X-Spam-*"]
trusted_relays = ["198.51.100.0/24"]
metrics.address = "off"

[filter.spf]
defer = ["temperror"]

[filter.dkim]
must_sign = ["Subject", "To"]

[filter.dmarc]
forwarder_domains = ["lists.example"]
trusted_sealers = ["lists.example"]
"""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message, its header fields read already, and who brings it."""

    fields: Sequence[tuple[str, bytes]]
    body: bytes = b""
    client: str = "192.0.2.1"
    helo: str = "client.example"
    sender: bytes = b"<alice@example.com>"


@dataclass
class Ends(Observer):
    """Counts the envelopes that began, and keeps how each ended."""

    begun: int = 0
    records: list[EnvelopeRecord] = field(default_factory=list)

    def began(self, _: object) -> None:
        """See `Observer`."""
        self.begun += 1

    def decided(self, record: EnvelopeRecord) -> None:
        """See `Observer`."""
        self.records.append(record)

    def forget(self) -> None:
        """Begin anew."""
        self.begun = 0
        self.records.clear()

    def failures(self) -> list[Failed]:
        """Return what filters lost: each is a defect of a filter, for the mail may be anything."""
        return [failed for record in self.records for failed in record.results.of(Failed)]


def watched_pipeline(zone: str, ends: Ends) -> Pipeline:
    """Return a pipeline that tells `ends` alone."""
    return _pipeline(zone, ends, CountedMetrics())


def daemon_pipeline(zone: str, log: TextIO) -> Pipeline:
    """Return a pipeline that logs and counts as the daemon does."""
    metrics = PrometheusMetrics(__version__)
    return _pipeline(zone, Observers([metrics, EnvelopeLog(make_logger("json", "info", log))]), metrics)


def _pipeline(zone: str, observer: Observer, metrics: Metrics) -> Pipeline:
    config = parse(CONFIGURATION)
    services = services_of(config, ZoneResolver(zone), metrics, NoStore())
    return build_pipeline(config, build_filters(take(config), services, _LISTENER), observer, metrics, _LISTENER)


async def deliver(connection: Connection, incoming: Incoming) -> None:
    """Send one message through a connection, and hang up."""
    await connection.connect(Client(ipaddress.ip_address(incoming.client), incoming.helo))
    await connection.helo(incoming.helo, {})
    await connection.mail_from(incoming.sender, (), {})
    await connection.rcpt_to(b"<bob@example.org>")
    await connection.end_of_headers(incoming.fields, "Q1")
    for start in range(0, len(incoming.body), _CHUNK):
        await connection.body(incoming.body[start : start + _CHUNK])
    await connection.end_of_message("Q1")
    await connection.close()
