"""Runs what is measured, and the load client against it."""

import json
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel

from bench.peers import Part, Subject
from bench.places import CLIENT, CORPUS, HERE
from bench.processes import tree
from bench.sandbox import BenchError

_START_SECONDS = 120
"""rspamd compiles for a while, and longer on a busy machine."""
_STOP_SECONDS = 10
_LOAD_SECONDS = 300
_REFUSALS = frozenset("rty4")


class Answers(BaseModel):
    """How often a milter gave each final verdict, by the letter of the protocol."""

    verdicts: dict[str, int]


class Load(BaseModel):
    """What the client saw. Latencies are milliseconds; ``eoh`` counts from the end of the headers.

    `errors` are messages that a milter did not answer, but closed the connection.
    """

    messages: int
    errors: int
    seconds: float
    client_cpu_s: float
    p50_ms: float
    p99_ms: float
    eoh_p50_ms: float
    eoh_p99_ms: float
    milters: tuple[Answers, ...]

    @property
    def refused(self) -> bool:
        """Whether any milter refused a message, for now or for good."""
        return any(_REFUSALS & each.verdicts.keys() for each in self.milters)


@dataclass
class Running:
    """A subject's daemons, all started; a context manager."""

    subject: Subject
    directory: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.directory.mkdir()
        # A daemon that gives up root makes its socket here.
        self.directory.chmod(0o777)
        for part in self.subject.parts:
            self.processes.append(self._started(part))
        for part, process in zip(self.subject.parts, self.processes, strict=True):
            self._await(part, process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def pids(self) -> list[int]:
        """The first process of each daemon."""
        return [process.pid for process in self.processes]

    @property
    def all_pids(self) -> list[int]:
        """Every process of every daemon."""
        return [each for pid in self.pids for each in tree(pid)]

    @property
    def addresses(self) -> list[str]:
        """Where the daemons listen, in order."""
        return [part.filled(part.address, self.directory) for part in self.subject.parts]

    def load(
        self,
        name: str,
        *,
        concurrency: int,
        messages: int,
        seconds: float = 60,
        pause_ms: int = 0,
        dump: Path | None = None,
    ) -> Load:
        """Send messages of the set `name` until one of the two limits is reached."""
        options = ["--class", name, "--concurrency", str(concurrency), "--messages", str(messages)]
        options += ["--duration", str(seconds), "--pause", str(pause_ms)]
        if dump is not None:
            options += ["--dump-headers", str(dump)]
        done = _client(self.addresses, options)
        if not done.stdout.startswith("{"):
            raise BenchError(f"the load client failed at {self.subject.name}: {done.stderr}")
        return Load.model_validate(json.loads(done.stdout))

    def _started(self, part: Part) -> "subprocess.Popen[bytes]":
        template = (HERE / "conf" / part.template).read_text()
        (self.directory / part.template).write_text(part.filled(template, self.directory))
        command = [part.filled(word, self.directory) for word in part.command]
        with self._log(part).open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, process_group=0
            )

    def _await(self, part: Part, process: "subprocess.Popen[bytes]") -> None:
        address = part.filled(part.address, self.directory)
        deadline = time.monotonic() + _START_SECONDS
        while _client([address], ["--class", "2K", "--messages", "1", "--timeout", "20"]).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{part.name} did not start:\n{self._log(part).read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def _log(self, part: Part) -> Path:
        return self.directory / f"{part.name}.log"


def _client(addresses: Iterable[str], options: list[str]) -> "subprocess.CompletedProcess[str]":
    targets = [word for address in addresses for word in ("--connect", address)]
    command = [str(CLIENT), *targets, "--corpus", str(CORPUS), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LOAD_SECONDS)
