"""Runs the real daemon, as an operator would: a configuration file and a process of its own."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class DaemonError(Exception):
    """The daemon did not start; the message holds what it logged."""


@dataclass
class Daemon:
    """`relayguard run` with the configuration `toml` in `directory`; a context manager.

    `program` is what Python runs; a test of the daemon's own guards may put a saboteur in its place.
    """

    directory: Path
    toml: str
    program: tuple[str, ...] = ("-m", "relayguard")
    process: "subprocess.Popen[bytes] | None" = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "relayguard.toml"
        config.write_text(self.toml)
        with (self.directory / "relayguard.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own group: Ctrl-C is for whoever runs it, who then stops it in order.
                process_group=0,
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

    def _await_start(self) -> None:
        deadline = time.monotonic() + 30
        while not self.events("serving"):
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
        opened.connect(rest)
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
