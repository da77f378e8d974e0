"""What processes cost: CPU and memory of whole trees, from /proc; and how fast the machine is just now."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_KILOBYTE, _MEGABYTE = 1024, 1e6


def tree(pid: int) -> Iterator[int]:
    """Yield `pid` and all its descendants."""
    yield pid
    try:
        tasks = list((_PROC / str(pid) / "task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from tree(child)


def cpu_seconds(pid: int) -> float:
    """CPU time that the tree has used, in user and kernel mode; threads and children that ended are included."""
    return sum(sum(map(int, _stat(each)[11:15])) for each in tree(pid)) / _TICKS


def rss_of_each(pid: int) -> list[float]:
    """Resident memory of each process of the tree, in MB; shared pages count in each."""
    pages = (_read(each, "statm").split() for each in tree(pid))
    return [int(fields[1]) * _PAGE / _MEGABYTE for fields in pages if len(fields) > 1]


def pss(pid: int) -> float:
    """Memory of the tree in MB, shared pages counted once."""
    return sum(_kilobytes(each, "smaps_rollup", "Pss") for each in tree(pid)) * _KILOBYTE / _MEGABYTE


def forget_peak(pid: int) -> None:
    """Begin anew to watch for the largest memory of each process of the tree."""
    for each in tree(pid):
        (_PROC / str(each) / "clear_refs").write_text("5")


def peak_rss(pid: int) -> float:
    """The sum of the largest memory of each process since `forget_peak`, in MB."""
    return sum(_kilobytes(each, "status", "VmHWM") for each in tree(pid)) * _KILOBYTE / _MEGABYTE


def busy_seconds() -> float:
    """CPU time that the whole machine has spent on anything, what its host took away included."""
    fields = [int(field) for field in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle, waiting = fields[3], fields[4]
    return (sum(fields) - idle - waiting) / _TICKS


def calibrate() -> float:
    """CPU milliseconds of a fixed piece of work, the best of three.

    Shared machines have slow phases; a run in which this is dear tells nothing about what was measured in it.
    """
    return min(_fixed_work() for _ in range(3))


def _fixed_work() -> float:
    started = time.process_time()
    table: dict[int, str] = {}
    for number in range(60_000):
        table[number & 1023] = f"{number}x"
    hashlib.sha256(b"x" * 3_000_000).digest()
    return 1e3 * (time.process_time() - started)


def _stat(pid: int) -> list[str]:
    # The program's name stands in brackets, and may hold anything.
    return _read(pid, "stat").rpartition(")")[2].split()


def _kilobytes(pid: int, file: str, name: str) -> int:
    matched = re.search(rf"^{name}:\s+(\d+)", _read(pid, file), re.MULTILINE)
    return int(matched[1]) if matched else 0


def _read(pid: int, file: str) -> str:
    try:
        return (_PROC / str(pid) / file).read_text()
    except OSError:
        # It has ended meanwhile.
        return ""
