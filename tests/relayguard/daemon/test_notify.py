import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard.daemon import notify
from relayguard.daemon.notify import STATUS_LENGTH, Notifier, watchdog_seconds


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(f"{tmp_path}/notify" if request.param == "path" else f"\0relayguard-test-{os.getpid()}")
        opened.settimeout(10)
        yield opened


@pytest.fixture
def notifier(manager: socket.socket) -> Notifier:
    """A notifier with the address as systemd writes it into $NOTIFY_SOCKET."""
    name = manager.getsockname()
    return Notifier("@" + os.fsdecode(name[1:]) if isinstance(name, bytes) else name)


def received(manager: socket.socket) -> list[str]:
    return manager.recv(65536).decode().split("\n")


def test_systemd_is_told_that_the_daemon_is_ready(manager: socket.socket, notifier: Notifier) -> None:
    notifier.ready("serving 2 listeners")
    assert received(manager) == ["READY=1", "STATUS=serving 2 listeners"]


def test_a_reload_is_told_with_the_time_at_which_it_began(manager: socket.socket, notifier: Notifier) -> None:
    before = time.monotonic_ns() // 1000
    notifier.reloading("loading generation 2")
    state, since, status = received(manager)
    assert (state, status) == ("RELOADING=1", "STATUS=loading generation 2")
    assert before <= int(since.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_the_rest_is_told_line_by_line(manager: socket.socket, notifier: Notifier) -> None:
    notifier.watchdog()
    notifier.status("draining")
    notifier.extend_timeout(2.5)
    notifier.stopping()
    told = [received(manager) for _ in range(4)]
    assert told == [["WATCHDOG=1"], ["STATUS=draining"], ["EXTEND_TIMEOUT_USEC=2500000"], ["STOPPING=1"]]


def test_a_status_stays_one_line_of_bounded_length(manager: socket.socket, notifier: Notifier) -> None:
    notifier.status("bad\nREADY=1\x00\x1b[2J\r\n\u2028 \udc80end" + "x" * 100_000)
    (line,) = received(manager)
    assert line.startswith("STATUS=bad READY=1??[2J ?endxxx")
    assert len(line) == len("STATUS=") + STATUS_LENGTH


@pytest.mark.parametrize("address", [None, ""])
def test_without_systemd_nothing_is_told(address: str | None) -> None:
    Notifier(address).ready("serving")


@pytest.mark.parametrize("address", ["/nonexistent/notify", "@nobody-listens", "/" + "x" * 200, "vsock:2:1"])
def test_a_manager_that_is_gone_costs_nothing(address: str) -> None:
    Notifier(address).ready("serving")


def test_a_manager_that_reads_nothing_is_not_waited_for(
    manager: socket.socket, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "SEND_SECONDS", 0.01)
    limit = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    for _ in range(limit + 10):
        notifier.watchdog()
    assert received(manager) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, 30.0),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_due_when_systemd_says_so_to_this_process(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_seconds(environ, 42) == seconds
