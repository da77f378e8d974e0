"""Where relayguard spends its time under load, as py-spy sees it: only samples of threads that hold the GIL count."""

import subprocess
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench.peers import SUBJECTS, TRANSPORTS
from bench.places import PROFILES, ROOT, VENV
from bench.resolver import DnsServer
from bench.running import Running
from bench.sandbox import BenchError

_LINES = 40
_OUTERMOST = 0.95
"""What is on nearly every stack is how the daemon was started."""
_RATE = "500"


def profile(directory: Path, transport: str, name: str, seconds: int) -> str:
    """Return the functions with the largest shares, by their own time and with all that they call.

    A flame graph of the same load is left in `PROFILES`.
    """
    spy = VENV / "bin" / "py-spy"
    if not spy.exists():
        raise BenchError("py-spy is missing: 'make bench-peers' installs it")
    PROFILES.mkdir(exist_ok=True)
    recorded, drawn = directory / f"{transport}.raw", PROFILES / f"{transport}-{name}.svg"
    with DnsServer(directory), Running(SUBJECTS[TRANSPORTS[transport]], directory / transport) as running:
        running.load("2K,10K", concurrency=4, messages=100_000, seconds=2)
        # It writes one or the other.
        for form, output in (("raw", recorded), ("flamegraph", drawn)):
            _record(running, name, seconds, [str(spy), "record", "--format", form, "--output", str(output)])
    return f"flame graph: {drawn.relative_to(ROOT)}\n" + shares(recorded.read_text().splitlines())


def _record(running: Running, name: str, seconds: int, command: list[str]) -> None:
    sender = threading.Thread(
        target=lambda: running.load(name, concurrency=4, messages=100_000, seconds=seconds + 1.5)
    )
    sender.start()
    command += ["--pid", str(running.pids[0]), "--subprocesses", "--duration", str(seconds)]
    done = subprocess.run(
        [*command, "--rate", _RATE, "--function", "--gil"], capture_output=True, text=True, check=False
    )
    sender.join()
    if done.returncode:
        raise BenchError(f"py-spy failed: {done.stderr}")


def shares(lines: Iterable[str]) -> str:
    """Read stacks as py-spy writes them, ``outer;inner COUNT``, and return two tables."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    total = own.total() or 1
    parts = []
    inner = Counter({frame: count for frame, count in whole.items() if count < _OUTERMOST * total})
    for title, counter in (("own time", own), ("with callees", inner)):
        parts.append(title)
        parts += [f"{100 * count / total:5.1f}% {frame}" for frame, count in counter.most_common(_LINES)]
    return "\n".join(parts)
