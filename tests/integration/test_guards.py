"""A fault of our own must answer the session, not hang it: the parts of the daemon are broken one by one."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from relayguard.milter.protocol import Response
from relayguard.testing.daemon import Daemon
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.conftest import TRANSPORTS, configuration

SABOTEUR = str(Path(__file__).parents[1] / "sabotage" / "saboteur.py")
PLAIN = b"From: a@example.net\r\n\r\nbody\r\n"


pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.mark.parametrize("part", ["end_of_headers", "end_of_message"])
def test_an_internal_fault_defers_the_message_and_counts_it_as_failed(
    part: str, transport: str, tmp_path: Path
) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    text = configuration(address, 53, "off", '"author"', transport=transport)
    with ExitStack() as stack:
        daemon = stack.enter_context(Daemon(tmp_path, text, program=(SABOTEUR, part)))
        client = stack.enter_context(MilterClient(address))
        client.connect()
        client.helo()
        reply = client.deliver(PLAIN).reply
        assert (reply.response, reply.text[:9]) == (Response.REPLY, "451 4.3.0")
        line = daemon.await_events("envelope", 1)[0]
        assert line["decision"] == "failed"
        assert "sabotaged" in daemon.events("milter callback failed")[0]["error"]
        # And the connection serves on.
        assert client.mail_from() == CONTINUE


def test_a_fault_in_the_middle_of_a_large_body_is_answered_when_the_message_ends(
    transport: str, tmp_path: Path
) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    text = configuration(address, 53, "off", '"obedient"', transport=transport)
    with ExitStack() as stack:
        daemon = stack.enter_context(Daemon(tmp_path, text, program=(SABOTEUR, "body")))
        client = stack.enter_context(MilterClient(address))
        client.connect()
        client.helo()
        # So large that it is handed over before it ends, where no reply is due.
        assert client.deliver(PLAIN + b"x" * 1_000_000).reply.text.startswith("451 4.3.0")
        assert client.mail_from() == CONTINUE
        assert daemon.await_events("envelope", 1)[0]["decision"] == "failed"


def test_an_internal_fault_at_mail_from_defers_the_sender(transport: str, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    text = configuration(address, 53, "off", '"author"', transport=transport)
    with ExitStack() as stack:
        stack.enter_context(Daemon(tmp_path, text, program=(SABOTEUR, "mail_from")))
        client = stack.enter_context(MilterClient(address))
        client.connect()
        client.helo()
        assert client.mail_from().text.startswith("451 4.3.0")
