import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon, sample
from relayguard.testing.milter_client import CONTINUE, MilterClient
from relayguard.testing.ports import free_port
from tests.conftest import TRANSPORTS, configuration

PLAIN = b"From: a@example.net\r\n\r\nbody\r\n"


# The filters of the second see nothing of an envelope before its headers.
@pytest.mark.parametrize("filters", ['"author"', '"dkim"'])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stopped_daemon_lets_the_envelope_in_flight_end_and_accepts_no_new_one(
    tmp_path: Path, filters: str, transport: str
) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    with Daemon(tmp_path, configuration(address, 53, "off", filters, transport=transport)) as daemon:
        assert daemon.process is not None
        client = MilterClient(address)
        client.connect()
        client.helo()
        client.mail_from()
        client.rcpt_to()
        daemon.process.terminate()
        daemon.await_events("stopping", 1)
        assert client.message(PLAIN).reply == CONTINUE
        client.quit()
        assert daemon.process.wait(timeout=30) == 0
    assert daemon.events("envelope")[0]["decision"] == "accepted"
    assert not (tmp_path / "milter.sock").exists()


def test_health_and_metrics_are_served_and_end_with_the_daemon(tmp_path: Path) -> None:
    address, metrics = f"unix:{tmp_path}/milter.sock", f"127.0.0.1:{free_port()}"
    with Daemon(tmp_path, configuration(address, 53, metrics, '"author"')) as daemon:
        with MilterClient(address) as client:
            client.connect()
            client.helo()
            client.deliver(PLAIN)
        with urllib.request.urlopen(f"http://{metrics}/healthz", timeout=10) as response:
            assert response.read() == b"ok\n"
        daemon.await_events("envelope", 1)
        text = daemon.metrics(metrics)
        assert sample(text, "relayguard_envelopes_total", role="incoming", outcome="accepted") == 1
        assert sample(text, "relayguard_build_info") == 1
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{metrics}/secrets", timeout=10)
    host, port = metrics.split(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_the_line_of_an_envelope_tells_what_was_found_and_decided(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    with Daemon(tmp_path, configuration(address, 53, "off", '"author"')) as daemon:
        with MilterClient(address) as client:
            client.connect(address="192.0.2.9")
            client.helo(b"mail.example")
            client.mail_from(b"<a@example.net>")
            client.rcpt_to()
            client.message(b"Subject: no author\r\n\r\n", queue_id=b"4ABC")
        line = daemon.await_events("envelope", 1)[0]
    expected = {
        "queue_id": "4ABC",
        "role": "incoming",
        "client": "192.0.2.9",
        "helo": "mail.example",
        "sender": "a@example.net",
        "recipients": 1,
        "decision": "rejected",
        "filter": "author",
        "reply": "550 5.7.1 Message must have one author domain: no From field",
    }
    assert expected.items() <= line.items()
