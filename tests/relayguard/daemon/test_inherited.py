import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from relayguard.daemon.inherited import inherited_sockets
from relayguard.testing.ports import free_port

PROGRAM = """
import json, os, select, socket
from relayguard.daemon.inherited import InheritedError, inherited_sockets

try:
    sockets = inherited_sockets(os.environ, os.getpid())
except InheritedError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    raise SystemExit
told = {
    name: {
        "fd": each.fileno(),
        "blocking": each.getblocking(),
        "inheritable": each.get_inheritable(),
        "nodelay": each.family != socket.AF_UNIX and each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0,
    }
    for name, each in sockets.items()
}
left = [name for name in os.environ if name.startswith("LISTEN_")]
print(json.dumps({"sockets": told, "left": left}), flush=True)
if sockets:
    waiting, _, _ = select.select(list(sockets.values()), [], [], 30)
    answered, _ = waiting[0].accept()
    answered.sendall(b"served by " + next(n for n, each in sockets.items() if each is waiting[0]).encode())
"""
"""Says what was inherited, and answers one connection with the name of the socket that it came through."""

ACTIVATE = shutil.which("systemd-socket-activate")
needs_systemd = pytest.mark.skipif(ACTIVATE is None, reason="systemd-socket-activate (Debian: systemd) is missing")


def as_systemd_would(environment: str, given: socket.socket | None = None, copies: int = 1) -> Any:
    """Run the program with a descriptor at 3 (and 4, ...), and return what it says."""
    moves = " ".join(f"{3 + copy}<&0" for copy in range(copies))
    # The shell becomes the program, so that its process id is the program's.
    script = f'exec {moves}; LISTEN_PID=$$ {environment} exec "$0" -c "$1"'
    ran = subprocess.Popen(
        ["/bin/sh", "-c", script, sys.executable, PROGRAM],
        stdin=subprocess.DEVNULL if given is None else given.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with ran:
        assert ran.stdout is not None
        line = ran.stdout.readline()
        # A program that was content waits for a connection.
        ran.kill()
        assert ran.stderr is not None
        return json.loads(line or json.dumps({"crashed": ran.stderr.read().decode()}))


@contextmanager
def activated(*options: str, names: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program by the real systemd-socket-activate."""
    assert ACTIVATE is not None
    command = [ACTIVATE, *options, f"--fdname={names}", sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def connect(family: socket.AddressFamily, kind: socket.SocketKind, address: Any) -> socket.socket:
    """Connect as soon as there is somebody to connect to."""
    deadline = time.monotonic() + 30
    while True:
        client = socket.socket(family, kind)
        client.settimeout(30)
        try:
            client.connect(address)
        except OSError:
            client.close()
            assert time.monotonic() < deadline, f"nobody listens on {address}"
            time.sleep(0.02)
        else:
            return client


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:
        opened.bind(f"{tmp_path}/milter.sock")
        opened.listen(1)
        yield opened


@needs_systemd
def test_a_connection_that_woke_systemd_is_answered_through_the_socket_of_its_name(tmp_path: Path) -> None:
    unix, port = f"{tmp_path}/milter.sock", free_port()
    with activated("-l", unix, "-l", f"127.0.0.1:{port}", names="milter:submission") as process:
        with connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)) as client:
            assert client.makefile("rb").read() == b"served by submission"
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
    assert told["sockets"] == {
        "milter": {"fd": 3, "blocking": False, "inheritable": False, "nodelay": False},
        "submission": {"fd": 4, "blocking": False, "inheritable": False, "nodelay": True},
    }
    assert told["left"] == []
    assert Path(unix).is_socket()


@needs_systemd
@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("--accept", socket.SOCK_STREAM),
        ("--datagram", socket.SOCK_DGRAM),
        ("--seqpacket", socket.SOCK_SEQPACKET),
    ],
)
def test_a_unit_that_passes_another_kind_of_socket_is_told_what_to_write(
    option: str, kind: socket.SocketKind, tmp_path: Path
) -> None:
    path = f"{tmp_path}/milter.sock"
    with activated(option, "-l", path, names="milter") as process, connect(socket.AF_UNIX, kind, path) as client:
        client.send(b"wake up")
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
    assert told["error"] == (
        "descriptor 3, which systemd passed as 'milter', is no listening stream socket: "
        "its .socket unit must have ListenStream= and Accept=no"
    )


def test_a_descriptor_that_is_no_socket_is_an_error() -> None:
    told = as_systemd_would("LISTEN_FDS=1 LISTEN_FDNAMES=milter")
    assert told["error"].startswith("descriptor 3, which systemd passed as 'milter', is no listening stream socket")


def test_a_descriptor_that_is_not_open_is_an_error(listening: socket.socket) -> None:
    told = as_systemd_would("LISTEN_FDS=2 LISTEN_FDNAMES=milter:other", listening)
    assert told["error"].startswith("descriptor 4, which systemd passed as 'other', is no listening stream socket")


def test_a_name_given_twice_is_an_error(listening: socket.socket) -> None:
    told = as_systemd_would("LISTEN_FDS=2 LISTEN_FDNAMES=milter:milter", listening, copies=2)
    assert told["error"].startswith("systemd passed two sockets named 'milter': give each address a .socket unit")


def test_a_socket_without_a_name_is_unknown(listening: socket.socket) -> None:
    assert list(as_systemd_would("LISTEN_FDS=1", listening)["sockets"]) == ["unknown"]


def test_names_that_do_not_match_the_sockets_are_an_error(listening: socket.socket) -> None:
    told = as_systemd_would("LISTEN_FDS=1 LISTEN_FDNAMES=a:b", listening)
    assert told["error"].startswith("LISTEN_FDNAMES='a:b' does not name 1 sockets")


def test_a_count_that_is_no_number_is_an_error() -> None:
    assert as_systemd_would("LISTEN_FDS=many")["error"].startswith("LISTEN_FDS='many' is no number")


def test_what_was_passed_to_another_process_is_left_alone_and_forgotten() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "milter", "PATH": "/bin"}
    assert inherited_sockets(environ, 42) == {}
    assert environ == {"PATH": "/bin"}


def test_without_systemd_there_are_none() -> None:
    assert inherited_sockets({}, 42) == {}
