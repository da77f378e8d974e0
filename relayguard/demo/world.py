"""Everything the demonstration needs, started on loopback and stopped again: DNS, Postfix, two Relayguards."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relayguard.demo.spoofs import PERSON
from relayguard.demo.zone import MX, RECIPIENT, SEALER, zone_text
from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.ports import free_port
from relayguard.testing.postfix import Postfix

LOGIN, PASSWORD = RECIPIENT, "demo"

_CONFIG = """\
authserv_id = "{mx}"
filters = ["author", "spf", "dkim", "arc", "dmarc", "spoof"]
profile = "{profile}"
# All the world is on loopback here; only 127.0.0.1 itself is this host.
local_networks = ["127.0.0.1/32"]

[listener.default]
address = "unix:{socket}"
mode = "0666"

workers = 1

[daemon]
control = "{control}"

[dns]
nameservers = ["127.0.0.1:{dns_port}"]

[metrics]
address = "{metrics}"

[filter.dmarc]
trusted_sealers = ["{sealer}"]

[filter.spoof]
own_domains = ["example.com"]
protected_people = "{people}"
default = "{spoof}"
"""

PROFILES = ("enforce", "monitor")


@dataclass(frozen=True, slots=True)
class World:
    """The running world. `daemons` and `ports` (of SMTP) and `metrics` (``host:port``) are by profile."""

    directory: Path
    dns: DnsServer
    postfix: Postfix
    daemons: dict[str, Daemon]
    ports: dict[str, int]
    metrics: dict[str, str]


@contextlib.contextmanager
def world(public_key: str) -> Iterator[World]:
    """Start the world, and clean up behind it whatever happens."""
    directory = Path(tempfile.mkdtemp(prefix="relayguard-"))
    # Postfix's daemons run as other users.
    directory.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            dns = stack.enter_context(DnsServer(zone_text(public_key)))
            daemons, metrics = {}, {}
            people = directory / "people.txt"
            people.write_text(f"{PERSON} <{RECIPIENT}>\n")
            for profile, preferred in zip(PROFILES, (9108, 9109), strict=True):
                metrics[profile] = f"127.0.0.1:{free_port(preferred)}"
                text = _CONFIG.format(
                    mx=MX,
                    profile=profile,
                    socket=_socket(directory, profile),
                    control=directory / f"{profile}.control",
                    dns_port=dns.port,
                    metrics=metrics[profile],
                    sealer=SEALER,
                    people=people,
                    spoof="enforce" if profile == "enforce" else "shadow",
                )
                daemons[profile] = stack.enter_context(Daemon(directory / profile, text))
            ports = {"enforce": free_port(2525), "monitor": free_port(2526)}
            postfix = stack.enter_context(
                Postfix(
                    directory / "postfix",
                    f"unix:{_socket(directory, 'enforce')}",
                    (RECIPIENT.partition("@")[2],),
                    hostname=MX,
                    users={LOGIN: PASSWORD},
                    others={ports["monitor"]: f"unix:{_socket(directory, 'monitor')}"},
                    smtp_port=ports["enforce"],
                    submission_port=free_port(2587),
                )
            )
            yield World(directory, dns, postfix, daemons, ports, metrics)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _socket(directory: Path, profile: str) -> Path:
    return directory / f"{profile}.sock"
