"""The one resolver of a run: unbound, which answers from the corpus's zone alone, at once or late."""

import re
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.places import LATE_DNS, ZONE
from bench.processes import cpu_seconds
from bench.sandbox import RESOLVER, BenchError

_BEHIND = "127.0.0.54"
_START_SECONDS = 20

_CONFIGURATION = """
server:
  interface: {address}
  do-ip6: no
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{directory}"
  pidfile: "{directory}/{address}.pid"
  use-syslog: no
  logfile: "{directory}/{address}.log"
  verbosity: 0
  num-threads: 1
  module-config: "iterator"
  so-rcvbuf: 1m
  minimal-responses: yes
  edns-buffer-size: 1232
  incoming-num-tcp: 100
remote-control:
  control-enable: yes
  control-interface: {directory}/{address}.control
include: {zone}
"""


class DnsServer:
    """Answers on the address that resolv.conf names; a context manager. It begins prompt."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[tuple[subprocess.Popen[bytes], str | None]] = []

    def __enter__(self) -> Self:
        self.answer(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def queries(self) -> int:
        """How many questions were asked since the last `answer`."""
        return sum(self._count(address) for _, address in self._started if address)

    @property
    def cpu_seconds(self) -> float:
        """CPU time that it has used since the last `answer`."""
        return sum(cpu_seconds(process.pid) for process, _ in self._started)

    def answer(self, milliseconds_late: int) -> None:
        """Answer so much later from now on; daemons need not be told."""
        self._stop()
        if not milliseconds_late:
            self._unbound(RESOLVER)
            return
        self._unbound(_BEHIND)
        proxy = [str(LATE_DNS), RESOLVER, _BEHIND, str(milliseconds_late)]
        self._started.append((subprocess.Popen(proxy, stdin=subprocess.DEVNULL), None))

    def _unbound(self, address: str) -> None:
        file = self._file(address)
        file.write_text(_CONFIGURATION.format(address=address, directory=self._directory, zone=ZONE))
        process = subprocess.Popen(["unbound", "-d", "-c", str(file)], stdin=subprocess.DEVNULL)
        self._started.append((process, address))
        deadline = time.monotonic() + _START_SECONDS
        while not self._control(address):
            if process.poll() is not None or time.monotonic() > deadline:
                log = self._directory / f"{address}.log"
                raise BenchError(f"unbound did not start: {log.read_text() if log.exists() else ''}")
            time.sleep(0.05)

    def _stop(self) -> None:
        for process, _ in self._started:
            process.terminate()
            process.wait(10)
        self._started.clear()

    def _count(self, address: str) -> int:
        matched = re.search(r"^total\.num\.queries=(\d+)", self._control(address), re.MULTILINE)
        return int(matched[1]) if matched else 0

    def _control(self, address: str) -> str:
        command = ["unbound-control", "-c", str(self._file(address)), "stats_noreset"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def _file(self, address: str) -> Path:
        return self._directory / f"{address}.conf"
