"""Fixtures: the real daemon on a socket, with real DNS behind it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from relayguard.config import Listener
from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.milter_client import MilterClient
from relayguard.testing.ports import free_port

# A slow machine is no fault of the code under test.
settings.register_profile("relayguard", deadline=None)
settings.load_profile("relayguard")

TRANSPORT = Listener().transport
"""Over which transport the daemon serves where a test does not say."""

OTHER_TRANSPORT = "libmilter"
TRANSPORTS = (TRANSPORT, OTHER_TRANSPORT)

DROP_IN = Path(__file__).parent / "drop_in"

ZONE = """\
example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.example.org. IN TXT "v=DMARC1; p=reject"
"""


@dataclass(frozen=True)
class Served:
    """A running daemon: where it listens, where its metrics are, and its DNS."""

    daemon: Daemon
    address: str
    metrics_address: str
    dns: DnsServer

    def connect(self) -> MilterClient:
        """Open a milter connection."""
        return MilterClient(self.address)

    def metrics(self) -> str:
        """What /metrics says."""
        return self.daemon.metrics(self.metrics_address)


Serve = Callable[..., Served]


def configuration(
    address: str,
    dns_port: int,
    metrics: str,
    filters: str,
    extra: str = "",
    plugins: Path = DROP_IN,
    workers: int = 1,
    control: str = "off",
    dns_timeout: float = 2.0,
    transport: str = TRANSPORT,
) -> str:
    """Return a configuration file for tests."""
    return f"""\
authserv_id = "mx.example.com"
profile = "enforce"
filters = [{filters}]
plugin_directory = "{plugins}"
local_networks = ["127.0.0.1/32"]
{extra}
[listener.default]
address = "{address}"
mode = "0666"
workers = {workers}
transport = "{transport}"
[daemon]
control = "{control}"
[dns]
nameservers = ["127.0.0.1:{dns_port}"]
timeout = {dns_timeout}
[metrics]
address = "{metrics}"
"""


@pytest.fixture(scope="module", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Each of the transports in turn: whoever takes this holds for both."""
    return str(request.param)


@pytest.fixture(scope="module", params=[TRANSPORT, pytest.param(OTHER_TRANSPORT, marks=pytest.mark.long)])
def slow_transport(request: pytest.FixtureRequest) -> str:
    """The same where it takes its time: the transport that is not the default is left to the long run."""
    return str(request.param)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that any user can enter, with a path short enough for Postfix's sockets."""
    with tempfile.TemporaryDirectory(prefix="rg-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Start daemons: ``serve(filters='"spf"', tcp=False, zone=..., extra=...)``; they end with the module."""
    with ExitStack() as stack:

        def start(
            filters: str = '"obedient"',
            *,
            tcp: bool = False,
            zone: str = ZONE,
            extra: str = "",
            plugins: Path = DROP_IN,
            tables: str = "",
            workers: int = 1,
            dns_timeout: float = 2.0,
            transport: str = TRANSPORT,
        ) -> Served:
            directory = stack.enter_context(open_folder())
            address = f"inet:127.0.0.1:{free_port()}" if tcp else f"unix:{directory}/milter.sock"
            metrics = f"127.0.0.1:{free_port()}"
            dns = stack.enter_context(DnsServer(zone))
            control = str(directory / "control.sock")
            text = (
                configuration(
                    address, dns.port, metrics, filters, extra, plugins, workers, control, dns_timeout, transport
                )
                + tables
            )
            return Served(stack.enter_context(Daemon(directory, text)), address, metrics, dns)

        yield start


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a private MTA needs root: run 'sudo make test'")
