"""The daemon stops and starts again while mail flows, with a socket of its own and with one that systemd holds."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.milter_client import CONTINUE, MilterClient
from relayguard.testing.postfix import Postfix
from tests.conftest import ZONE, Served, configuration, needs_root, open_folder
from tests.integration.conftest import Relay, StartRelay
from tests.integration.load import Load, under_load

PLAIN = b"From: <a@example.net>\r\n\r\nhello\r\n"
NAP = "X-Do-At-End: nap\r\n"


def restart(daemon: Daemon, load: Load) -> None:
    """Stop the daemon in the middle of the load, and start it again."""
    load.await_accepted(20)
    assert daemon.stop() == 0
    daemon.__enter__()
    load.await_accepted(20)


@pytest.mark.mta
@needs_root
def test_messages_in_flight_end_properly_when_the_daemon_stops(start_relay: StartRelay, slow_transport: str) -> None:
    relay = start_relay('"obedient"', workers=2, transport=slow_transport)
    with under_load(relay, clients=6, header=NAP) as load:
        restart(relay.served.daemon, load)
    # Who comes while nobody serves is asked to come again; what had begun has ended.
    assert "message" not in {failure.command for failure in load.failures}
    assert all(failure.said.startswith("451 4.7.1") for failure in load.failures)


@pytest.fixture
def held() -> Iterator[Relay]:
    """A daemon on a socket that outlives it, with a real Postfix in front."""
    with ExitStack() as stack:
        directory = stack.enter_context(open_folder())
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(directory / "milter.sock"))
        (directory / "milter.sock").chmod(0o666)
        listening.listen(128)
        dns = stack.enter_context(DnsServer(ZONE))
        text = configuration("systemd:milter", dns.port, "off", '"obedient"', workers=2)
        daemon = stack.enter_context(Daemon(directory, text, passed=listening))
        address = f"unix:{directory}/milter.sock"
        postfix = stack.enter_context(Postfix(stack.enter_context(open_folder()), address, ("example.com",)))
        yield Relay(postfix, Served(daemon, address, "off", dns))


@pytest.mark.mta
@needs_root
def test_nobody_notices_a_restart_when_systemd_holds_the_socket(held: Relay) -> None:
    with under_load(held, clients=6, header=NAP) as load:
        restart(held.served.daemon, load)
    assert load.failures == []


def test_the_socket_that_systemd_opened_is_served_and_survives_the_daemon() -> None:
    with open_folder() as directory:
        config = directory / "relayguard.toml"
        config.write_text(configuration("systemd:milter", 53, "off", '"author"'))
        path = directory / "milter.sock"
        program = (sys.executable, "-m", "relayguard", "run", "--config", str(config))
        with (directory / "log").open("wb") as log:
            activated = subprocess.Popen(
                ["systemd-socket-activate", "--fdname=milter", "--listen", str(path), *program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            while not path.exists():
                assert activated.poll() is None
                time.sleep(0.02)
            with MilterClient(f"unix:{path}") as client:
                client.connect()
                client.helo()
                assert client.deliver(PLAIN).reply == CONTINUE
            activated.send_signal(signal.SIGTERM)
            assert activated.wait(timeout=30) == 0, (directory / "log").read_text()
            assert path.is_socket()
        finally:
            activated.kill()
            activated.wait()
