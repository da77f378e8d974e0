"""A real Prometheus on loopback, private to a test."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from relayguard.testing.ports import free_port

_SECONDS = 30.0


class PrometheusError(Exception):
    """The server did not start, or refused a query; the message holds what it said."""


def prometheus_program() -> str | None:
    """Return the path of the server that is installed, if it is."""
    return shutil.which("prometheus")


@dataclass
class PrivatePrometheus:
    """Scrapes `targets` (``host:port``) as job ``relayguard`` every second, and obeys `rules`; a context manager."""

    directory: Path
    targets: Sequence[str]
    rules: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None
    port: int = 0

    def __enter__(self) -> Self:
        program = prometheus_program()
        if program is None:
            raise PrometheusError("prometheus is not installed: apt-get install prometheus")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        config = self.directory / "prometheus.json"
        # JSON is YAML, too.
        config.write_text(json.dumps(self._config()))
        with (self.directory / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self.directory}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=_SECONDS)

    def query(self, expression: str) -> list[Mapping[str, Any]]:
        """Return the series of an expression now, each with ``metric`` and ``value``."""
        found: list[Mapping[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def ask(self, what: str, **parameters: str) -> Any:
        """Return the data of an answer of the HTTP API, such as ``rules``; raises PrometheusError."""
        address = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=_SECONDS) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise PrometheusError(f"{parameters}: {error.read().decode(errors='replace')}") from error

    def _config(self) -> Mapping[str, Any]:
        return {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self.rules)] if self.rules is not None else [],
            "scrape_configs": [{"job_name": "relayguard", "static_configs": [{"targets": list(self.targets)}]}],
        }

    def _await_start(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=_SECONDS):
                    return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = (self.directory / "prometheus.log").read_text(errors="replace")[-2000:]
                    raise PrometheusError(f"prometheus did not start:\n{said}") from error
                time.sleep(0.05)
