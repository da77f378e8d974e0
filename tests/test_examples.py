"""Every example in plugins/examples runs behind the real daemon, as a drop-in."""

from contextlib import ExitStack
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


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_example_is_run_here(path: Path) -> None:
    assert path.stem in Path(__file__).read_text()
