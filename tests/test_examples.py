"""Every example in plugins/examples runs behind the real daemon, as a drop-in."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.conftest import configuration

EXAMPLES = Path(__file__).parent.parent / "plugins" / "examples"
PLAIN = b"From: a@example.net\r\n\r\nbody\r\n"


def test_mail_of_a_domain_without_spf_is_marked_and_other_mail_is_not(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    with ExitStack() as stack:
        dns = stack.enter_context(DnsServer('known.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"\n'))
        text = configuration(address, dns.port, "off", '"spf", "mark_newcomers"', plugins=EXAMPLES)
        stack.enter_context(Daemon(tmp_path, text + "[filter.spf]\nhelo = false\n"))
        client = stack.enter_context(MilterClient(address))
        client.connect()
        client.helo()
        marked = client.deliver(PLAIN, b"<a@stranger.example>")
        assert (marked.reply, marked.added("X-Newcomer")) == (CONTINUE, [" stranger.example"])
        assert client.deliver(PLAIN, b"<a@known.example>").added("X-Newcomer") == []


def test_a_sender_in_the_list_is_refused_from_the_message_after_it_was_written_there(tmp_path: Path) -> None:
    address, database = f"unix:{tmp_path}/milter.sock", tmp_path / "blocklist.sqlite"
    with closing(sqlite3.connect(database)) as senders, ExitStack() as stack:
        senders.execute("CREATE TABLE senders (address TEXT PRIMARY KEY)")
        text = configuration(address, 53, "off", '"blocklist"', plugins=EXAMPLES)
        stack.enter_context(Daemon(tmp_path, text + f'[filter.blocklist]\ndatabase = "{database}"\n'))
        client = stack.enter_context(MilterClient(address))
        client.connect()
        client.helo()
        assert client.deliver(PLAIN, b"<spammer@example.org>").reply == CONTINUE
        with senders:
            senders.execute("INSERT INTO senders VALUES ('spammer@example.org')")
        assert client.mail_from(b"<spammer@example.org>").text == "550 5.7.1 spammer@example.org is listed"
        assert client.deliver(PLAIN, b"<friend@example.org>").reply == CONTINUE


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_example_is_run_here(path: Path) -> None:
    assert path.stem in Path(__file__).read_text()
