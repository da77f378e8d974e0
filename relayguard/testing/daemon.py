"""Runs the real daemon, as an operator would: a configuration file and a process of its own."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from relayguard.daemon.assignment import Assignment


class DaemonError(Exception):
    """The daemon did not start; the message holds what it logged."""


@dataclass
class Daemon:
    """`relayguard run` with the configuration `toml` in `directory`; a context manager.

    `program` is what Python runs; a test of the daemon's own guards may put a saboteur in its place.
    `passed` is a listening socket, given as systemd would, with the name ``milter``.
    """

    directory: Path
    toml: str
    program: tuple[str, ...] = ("-m", "relayguard")
    passed: socket.socket | None = None
    process: "subprocess.Popen[bytes] | None" = None
    _started: int = 0

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "relayguard.toml"
        self.write(self.toml)
        with (self.directory / "relayguard.log").open("ab") as log:
            self._started = len(self.events("serving"))
            self.process = subprocess.Popen(
                [*self._passing(), sys.executable, *self.program, "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own group: Ctrl-C is for whoever runs it, who then stops it in order.
                process_group=0,
                pass_fds=() if self.passed is None else (self.passed.fileno(),),
            )
        self._await_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """Stop the daemon with SIGTERM and return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The structured lines that were logged so far."""
        lines = (self.directory / "relayguard.log").read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, event: str) -> list[dict[str, Any]]:
        """The logged lines of one kind, such as ``envelope``."""
        return [line for line in self.log if line["event"] == event]

    def await_events(self, event: str, count: int, seconds: float = 10.0) -> list[dict[str, Any]]:
        """Wait until `count` lines of a kind were logged, and return them all."""
        deadline = time.monotonic() + seconds
        while len(found := self.events(event)) < count:
            if time.monotonic() > deadline:
                raise DaemonError(f"{len(found)} of {count} {event!r} lines; log:\n{self._tail()}")
            time.sleep(0.02)
        return found

    def metrics(self, address: str) -> str:
        """Return what /metrics says at ``host:port``."""
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as response:
            return str(response.read(), "utf-8")

    def workers(self) -> dict[int, Assignment]:
        """Return the living workers by process id, and what each was told to serve."""
        assert self.process is not None
        supervisor = self.process.pid
        found = {}
        for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
            try:
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"worker" in arguments:
                found[int(pid)] = Assignment.of(arguments[arguments.index(b"worker") + 1].decode())
        return found

    def generations(self) -> set[int]:
        """Return the numbers of the generations that have workers."""
        return {assignment.generation for assignment in self.workers().values()}

    def write(self, toml: str) -> None:
        """Change the configuration file; the daemon takes it up when it is told to."""
        # Whole or not at all: a reload may read it at any time.
        changed = self.directory / "relayguard.toml.new"
        changed.write_text(toml)
        changed.rename(self.directory / "relayguard.toml")

    def reload(self) -> "subprocess.CompletedProcess[str]":
        """Run `relayguard reload`, which waits for the outcome."""
        config, control = str(self.directory / "relayguard.toml"), tomllib.loads(self.toml)["daemon"]["control"]
        command = [sys.executable, "-m", "relayguard", "reload", "--config", config, "--control", control]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)

    def _passing(self) -> list[str]:
        """The command that numbers and announces the descriptor of `passed`, and becomes the daemon."""
        if self.passed is None:
            return []
        # The process id is known only in the process that becomes the daemon.
        code = (
            "import os, sys\n"
            f"os.dup2({self.passed.fileno()}, 3)\n"
            "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'milter'}\n"
            "os.execv(sys.argv[1], sys.argv[1:])\n"
        )
        return [sys.executable, "-c", code]

    def _await_start(self) -> None:
        deadline = time.monotonic() + 30
        while len(self.events("serving")) == self._started:
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise DaemonError(f"relayguard did not start:\n{self._tail()}")
            time.sleep(0.02)

    def _tail(self) -> str:
        return (self.directory / "relayguard.log").read_text(errors="replace")[-4000:]


def connect(address: str, seconds: float = 30.0) -> socket.socket:
    """Connect to ``unix:/path`` or ``inet:host:port``, as an MTA would."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        opened = socket.socket(socket.AF_UNIX)
        opened.settimeout(seconds)
        try:
            opened.connect(rest)
        except OSError:
            opened.close()
            raise
        return opened
    host, _, port = rest.rpartition(":")
    opened = socket.create_connection((host, int(port)), seconds)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def sample(metrics: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples with these labels, from the text of /metrics."""
    total = 0.0
    for line in metrics.splitlines():
        matched = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
        if matched and matched[1] == name:
            found = dict(re.findall(r'(\w+)="([^"]*)"', matched[2] or ""))
            if labels.items() <= found.items():
                total += float(matched[3])
    return total
