import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon, DaemonError
from tests.conftest import configuration
from tests.relayguard.daemon.conftest import Start, until


def test_the_supervisor_imports_no_filter_and_nothing_that_reads_mail() -> None:
    program = "import sys, relayguard.daemon.supervisor, relayguard.cli.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    forbidden = {"relayguard_plugins", "milter", "dns", "spf", "dkim", "cryptography", "nacl", "authres"}
    assert not forbidden & set(loaded.stdout.split())


SLOW = """\
import time
time.sleep(1)
from relayguard import hookimpl

class Slow:
    @hookimpl
    def connect(self): ...
"""


class Systemd:
    """What systemd would hear, on a real datagram socket. It listens all the time: a few words fill the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def hears(self, word: str) -> bool:
        """Whether it was told `word` by now."""
        return word in self.heard

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        self.socket.close()

    def _listen(self) -> None:
        while data := self.socket.recv(4096):
            self.heard += data.decode().splitlines()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    heard = Systemd(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    yield heard
    heard.close()


def test_systemd_is_told_of_start_reload_life_and_stop(start: Start, systemd: Systemd) -> None:
    running = start()
    until(lambda: systemd.hears("READY=1"))
    assert "RELOADING=1" not in systemd.heard
    until(lambda: systemd.hears("WATCHDOG=1"))
    assert "STATUS=generation 1: 1 workers serve 0 sessions" in systemd.heard
    systemd.heard.clear()
    assert running.daemon.reload().returncode == 0
    until(lambda: systemd.hears("READY=1"))
    assert "RELOADING=1" in systemd.heard
    until(lambda: systemd.hears("STATUS=generation 2: 1 workers serve 0 sessions; generation 2 serves"))
    running.daemon.stop()
    until(lambda: systemd.hears("STOPPING=1"))


def test_health_is_bad_while_no_worker_serves(start: Start) -> None:
    running = start()

    def health() -> int:
        try:
            with urllib.request.urlopen(f"http://{running.metrics_address}/healthz", timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    assert health() == 200
    for _ in range(4):
        # Each next one is replaced a little later.
        for pid in running.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
    until(lambda: health() == 503)
    until(lambda: health() == 200)


@pytest.mark.parametrize(
    ("filters", "listener", "status", "said"),
    [
        ('"nothing"', "milter.sock", 78, "there is no filter 'nothing'"),
        ('"author"', "missing/milter.sock", 69, "No such file or directory"),
        ('"fussy"', "milter.sock", 70, "filter.fussy: RuntimeError: the licence server is away"),
    ],
)
def test_what_cannot_be_served_is_said_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filters: str, listener: str, status: int, said: str
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    text = configuration(f"unix:{tmp_path}/{listener}", 53, "off", filters, control=f"{tmp_path}/control.sock")
    daemon = Daemon(tmp_path, text)
    with pytest.raises(DaemonError, match=said), daemon:
        pass
    assert daemon.process is not None
    assert daemon.process.returncode == status
    assert {path.name for path in tmp_path.iterdir()} == {"relayguard.toml", "relayguard.log"}


def test_a_daemon_that_has_stopped_leaves_no_files_and_no_processes(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tempfile.tempdir = None
    running = start(workers=2)
    processes = set(running.daemon.workers())
    assert running.daemon.stop() == 0
    assert {path.name for path in running.folder.iterdir()} == {"relayguard.toml", "relayguard.log"}
    assert list(tmp_path.glob("metrics-*")) == []
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]


def starting_slowly(folder: Path, drop_in: str = SLOW) -> "subprocess.Popen[bytes]":
    """Start a daemon whose filter takes its time to load, and do not wait for it."""
    (folder / "slow.py").write_text(drop_in)
    text = configuration(f"unix:{folder}/milter.sock", 53, "off", '"slow"', plugins=folder)
    (folder / "relayguard.toml").write_text(text)
    command = [sys.executable, "-m", "relayguard", "run", "--config", str(folder / "relayguard.toml")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def test_a_stop_before_it_serves_is_orderly(tmp_path: Path) -> None:
    daemon = starting_slowly(tmp_path)
    until((tmp_path / "milter.sock").exists)
    daemon.terminate()
    assert daemon.wait(timeout=30) == 0, (tmp_path / "log").read_text()
    assert not (tmp_path / "milter.sock").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_while_the_first_check_runs_is_heeded(tmp_path: Path, number: signal.Signals) -> None:
    daemon = starting_slowly(tmp_path, f"open(r'{tmp_path}/begun', 'w')\n" + SLOW)
    until((tmp_path / "begun").exists)
    daemon.send_signal(number)
    if number is signal.SIGHUP:
        until((tmp_path / "milter.sock").exists)
        daemon.terminate()
    assert daemon.wait(timeout=30) == 0, (tmp_path / "log").read_text()


def test_being_told_twice_to_stop_changes_nothing(start: Start) -> None:
    running = start()
    assert running.daemon.process is not None
    running.daemon.process.terminate()
    running.daemon.process.terminate()
    assert running.daemon.stop() == 0
