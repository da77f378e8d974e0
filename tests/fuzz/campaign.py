"""A campaign: every target explored in a process of its own, two at a time, and what came of it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(".make/fuzz")
_AT_ONCE = 2
_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
# To start, and to end what was begun.
_GRACE = 120


@dataclass(frozen=True, slots=True)
class Explored:
    """What came of one target; without `executions` it did not end as it should, and `log` says why."""

    name: str
    executions: int
    findings: tuple[Path, ...]
    log: Path

    def __str__(self) -> str:
        ended = f"{self.executions:>9} executions" if self.executions else f"did not end well, see {self.log}"
        return f"{self.name:14} {ended}  {len(self.findings)} findings"


def explore(names: Sequence[str], seconds: int) -> Iterator[Explored]:
    """Explore the targets, which share the seconds."""
    each = max(1, seconds * min(_AT_ONCE, len(names)) // len(names))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda name: _explore(name, each), names)


def _explore(name: str, seconds: int) -> Explored:
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    # What an earlier campaign found may have been mended since.
    _sift(name, folder / "findings", folder / "findings")
    command = [sys.executable, "-m", "tests.fuzz.explore", name, str(folder), str(seconds)]
    with log.open("wb") as output:
        subprocess.run(command, stdout=output, stderr=output, timeout=seconds + _GRACE, check=False)
    # Measured again without instrumentation, before it is called a finding.
    _sift(name, folder / "slow", folder / "findings")
    told = _EXECUTIONS.search(log.read_text(errors="replace"))
    return Explored(name, int(told[1]) if told else 0, tuple(sorted((folder / "findings").glob("*"))), log)


def _sift(name: str, candidates: Path, findings: Path) -> None:
    """Keep those inputs that are findings when they are run again."""
    for path in sorted(candidates.glob("*")):
        if subprocess.run(replaying(name, path), capture_output=True, check=False).returncode:
            path.rename(findings / path.name)
        else:
            path.unlink()


def replaying(name: str, path: Path) -> list[str]:
    """Return the command that runs one input again."""
    return [sys.executable, "-m", "tests.fuzz", name, "--input", str(path)]
