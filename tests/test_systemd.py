"""The units in systemd/ are valid, closed, and open enough for the daemon."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.milter_client import MilterClient
from tests.conftest import ZONE, configuration

ROOT = Path(__file__).parent.parent
UNITS = ROOT / "systemd"
SERVICE = UNITS / "relayguard.service"
SOCKET = UNITS / "relayguard.socket"
SANDBOXED = str(ROOT / "tests" / "sandbox" / "sandboxed.py")

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze (Debian: systemd) is missing"
)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def values(unit: Path, option: str) -> list[str]:
    """The lines of an option, in the order in which systemd applies them."""
    lines = unit.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{option}=")]


def allowed_calls() -> set[str]:
    """What the unit's SystemCallFilter= leaves, by the groups of the systemd that is installed."""
    groups: dict[str, list[str]] = {}
    group = ""
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            group = line
            groups[group] = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            groups[group].append(line.strip())

    def expanded(name: str) -> set[str]:
        return set().union(*map(expanded, groups[name])) if name.startswith("@") else {name}

    # systemd adds these to every list of allowed calls.
    allowed = expanded("@default")
    for line in values(SERVICE, "SystemCallFilter"):
        named = set().union(*map(expanded, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def test_the_service_leaves_little_open() -> None:
    judged = analyze("security", "--offline=yes", "--threshold=15", SERVICE)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_units_say_nothing_that_systemd_does_not_know(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/relayguard/bin/relayguard", shutil.which("true") or "")
        (tmp_path / unit.name).write_text(text)
    judged = analyze("verify", "--man=no", *tmp_path.iterdir())
    complaints = [line for line in judged.stderr.splitlines() if str(tmp_path) in line or "relayguard" in line]
    assert (judged.returncode, complaints) == (0, [])


def test_the_readme_names_what_the_units_name() -> None:
    readme = (ROOT / "README.md").read_text()
    (path,) = values(SOCKET, "ListenStream")
    (name,) = values(SOCKET, "FileDescriptorName")
    assert f'address = "systemd:{name}"' in readme
    assert f"smtpd_milters = unix:{path.removeprefix('/var/spool/postfix/')}\n" in readme
    for unit in UNITS.iterdir():
        assert f"systemd/{unit.name}" in readme


@pytest.mark.parametrize(
    "call", ["memfd_create", "pidfd_open", "prlimit64", "sched_setaffinity", "socketpair", "waitid"]
)
def test_the_service_may_do_what_its_supervisor_and_workers_need(call: str) -> None:
    assert call in allowed_calls()


@pytest.mark.parametrize("call", ["chown", "mount", "ptrace", "setpriority", "setuid", "keyctl", "bpf"])
def test_the_service_may_not_do_what_no_filter_needs(call: str) -> None:
    assert call not in allowed_calls()


def sandboxed() -> tuple[str, ...]:
    """What Python runs to be in the sandbox, before what it runs there."""
    (families,) = values(SERVICE, "RestrictAddressFamilies")
    return SANDBOXED, " ".join(sorted(allowed_calls())), families


LIMIT = """
[[filter.ratelimit.rule]]
name = "once"
limit = "1 message per day"
key = ["network"]
"""


def test_the_daemon_serves_mail_inside_the_sandbox(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    with ExitStack() as stack:
        dns = stack.enter_context(DnsServer(ZONE))
        filters = '"ratelimit", "author", "spf", "dkim", "arc", "dmarc"'
        text = configuration(address, dns.port, "off", filters, f'[store]\nfolder = "{tmp_path}/limits"\n') + LIMIT
        stack.enter_context(Daemon(tmp_path, text, program=(*sandboxed(), "-m", "relayguard")))
        client = stack.enter_context(MilterClient(address))
        client.connect(address="192.0.2.1")
        client.helo()
        judged = client.deliver(b"From: a@example.org\r\n\r\nbody\r\n")
        too_many = client.deliver(b"From: a@example.org\r\n\r\nbody\r\n")
    (results,) = judged.added("Authentication-Results")
    assert "spf=pass" in results
    assert "dmarc=pass" in results
    assert too_many.reply.text.startswith("450 4.7.1 Too many messages")
    assert (tmp_path / "limits" / "data.mdb").is_file()


LOGGING = """
import sys
from relayguard.log import make_logger

logger = make_logger("journald", "info", journal=sys.argv[1])
logger.info("serving")
logger.info("envelope", notes=["x" * 20_000_000])
"""


def test_journald_is_told_from_inside_the_sandbox(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        command = [sys.executable, *sandboxed(), "-c", LOGGING, str(tmp_path / "journal")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        journald.settimeout(10)
        assert b"RELAYGUARD_EVENT=serving\n" in journald.recv(65536)
        # What is larger than any datagram comes in memory that is passed.
        data, descriptors, _, _ = socket.recv_fds(journald, 65536, 1)
        assert data == b""
        for descriptor in descriptors:
            assert os.fstat(descriptor).st_size > 20_000_000
            os.close(descriptor)
        assert len(descriptors) == 1


@pytest.mark.parametrize(
    ("attempt", "status", "said"),
    [
        ("import os; os.chown('/tmp', 0, 0)", -signal.SIGSYS, ""),
        ("import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)", 1, "Operation not permitted"),
        ("import socket; socket.socket(socket.AF_NETLINK)", 1, "Address family not supported"),
        ("print('harmless')", 0, ""),
    ],
)
def test_the_sandbox_of_these_tests_holds(attempt: str, status: int, said: str) -> None:
    command = [sys.executable, *sandboxed(), "-c", attempt]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
