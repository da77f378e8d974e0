"""Mail of all kinds, and trouble of all kinds: what every panel and every alert has something to show of."""

import os
import signal
import struct
from contextlib import ExitStack
from pathlib import Path

from relayguard.stores.lmdb.environment import DATA
from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.milter_client import MilterClient
from relayguard.testing.ports import free_port
from tests.conftest import Served, configuration
from tests.relayguard_plugins.arc.sealing import seal
from tests.relayguard_plugins.dkim.signing import key_zone, sign

FILTERS = (
    *("author", "iprev", "spf", "dkim", "arc", "dmarc", "spoof", "ratelimit"),
    *("obedient", "sensitive", "ponderous", "forgetful", "stern"),
)

ZONE = """
$SERVFAIL broken.example
example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"
example.org. IN MX 10 mail.example.org.
_dmarc.example.org. IN TXT "v=DMARC1; p=reject"
example.com. IN TXT "v=spf1 -all"
example.com. IN MX 10 mail.example.com.
"""

TABLES = """
[filter.spoof]
own_domains = ["example.com"]
signals = { lookalike = "enforce" }
[filter.stern]
mode = "shadow"
[[filter.ratelimit.rule]]
name = "clients"
limit = "4 recipients per hour, burst 4"
key = ["client"]
match = { client = ["192.0.2.77"] }
"""

FROM = b"From: Ann <a@example.org>\r\n"
PLAIN = FROM + b"Subject: hello\r\n\r\nhello\r\n"


def message(fields: bytes = b"", author: bytes = FROM) -> bytes:
    return author + fields + b"Subject: hello\r\n\r\nhello\r\n"


SIGNED = sign(b"From: <ann@example.com>\r\nSubject: hello\r\n\r\nhello\r\n", {})

MESSAGES: tuple[tuple[str, bytes, bytes, bytes], ...] = (
    ("192.0.2.1", b"<a@example.org>", b"<bob@example.com>", PLAIN),
    ("192.0.2.2", b"<a@example.org>", b"<bob@example.com>", PLAIN),
    ("192.0.2.1", b"<a@example.com>", b"<bob@example.com>", seal(SIGNED)),
    ("192.0.2.1", b"<a@example.com>", b"<bob@example.com>", SIGNED + b"changed"),
    ("192.0.2.1", b"<a@example.org>", b"<stern@example.com>", PLAIN),
    ("192.0.2.1", b"<a@example.org>", b"<reject@example.com>", PLAIN),
    ("192.0.2.1", b"<a@broken.example>", b"<bob@example.com>", message(author=b"From: a@broken.example\r\n")),
    ("192.0.2.3", b"<a@own.example>", b"<bob@example.com>", message(author=b"From: boss@example.com\r\n")),
    ("192.0.2.1", b"<a@example.org>", b"<bob@example.com>", message(author=b"From: boss@examp1e.com\r\n")),
    ("192.0.2.1", b"<a@example.org>", b"<bob@example.com>", message(b"X-Do: defer\r\n")),
    ("192.0.2.1", b"<a@example.org>", b"<bob@example.com>", message(b"X-Do: quarantine\r\n")),
    ("192.0.2.1", b"<a@example.org>", b"<bob@example.com>", message(b"X-Filler: y\r\n" * 5100)),
    (
        *("192.0.2.1", b"<a@example.org>", b"<bob@example.com>"),
        message(b"Authentication-Results: mx.example.com; dmarc=pass\r\n"),
    ),
)
"""Client, sender, recipient, message."""


def start(folder: Path, stack: ExitStack) -> Served:
    """Start a daemon of two workers, whose store is away, and whose spare one finds a broken file."""
    spare = folder / "counters"
    spare.mkdir()
    (spare / DATA).write_bytes(b"No database." * 1000)
    metrics, address = f"127.0.0.1:{free_port()}", f"unix:{folder}/milter.sock"
    dns = stack.enter_context(DnsServer(ZONE + key_zone()))
    filters = ", ".join(f'"{name}"' for name in FILTERS)
    away = f'[store]\nkind = "redis"\nurl = "redis://127.0.0.1:{free_port()}/0"\nfolder = "{spare}"\n'
    text = configuration(address, dns.port, metrics, filters, workers=2, control=f"{folder}/control.sock")
    return Served(stack.enter_context(Daemon(folder, text + TABLES + away)), address, metrics, dns)


def send_all(served: Served) -> None:
    """Send each kind of message, and misbehave as clients and MTAs do."""
    for client, sender, recipient, text in MESSAGES:
        with served.connect() as session:
            session.connect(address=client)
            session.helo()
            session.mail_from(sender)
            session.rcpt_to(recipient)
            session.message(text)
    with served.connect() as session:
        session.connect(address="192.0.2.77")
        session.helo()
        for _ in range(6):
            session.mail_from(b"<a@example.org>")
            session.rcpt_to(b"<bob@example.com>")
    with served.connect() as session:
        session.connect(address="192.0.2.1")
        session.helo(b"reject.example")
    with served.connect() as session:
        session.connect(address="192.0.2.1")
        session.helo()
        session.mail_from(b"<bob@example.com>", auth_type=b"PLAIN", auth_authen=b"bob@example.com")
        session.rcpt_to(b"<a@example.org>")
        session.message(PLAIN)
    break_the_protocol(served)


def break_the_protocol(served: Served) -> None:
    """Negotiate, and then announce a packet of two gigabytes."""
    with MilterClient(served.address) as client:
        client.send_raw(struct.pack(">I", 2**31))


def make_trouble(served: Served) -> None:
    """Kill a worker, reload a broken configuration, and then one that works."""
    daemon = served.daemon
    os.kill(next(iter(daemon.workers())), signal.SIGKILL)
    daemon.await_events("worker replaced", 1)
    daemon.write("filters = [")
    assert daemon.reload().returncode != 0
    daemon.write(daemon.toml)
    assert daemon.reload().returncode == 0
