"""The metrics of all workers in one place: each writes the file of its slot, and whoever serves them adds up."""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

_KINDS = ("counter", "histogram", "gauge_livesum", "gauge_livemax")
"""The files of a slot, as prometheus-client names them."""

_BYTES = 256 * 1024


def share(folder: str, slot: int) -> None:
    """Let the metrics that this process makes from now on live in the file of `slot`.

    A successor in the same slot counts on from there: no counter ever decreases, and there are never more
    files than workers that lived at one time. Raises OSError if there is no room for them.
    """
    for kind in _KINDS:
        _reserve(Path(folder) / f"{kind}_{slot}.db")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


def _reserve(path: Path) -> None:
    """Have the room there beforehand: writing to a page that the disk has no room for would kill the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _BYTES)
    finally:
        os.close(descriptor)


def forget(folder: str, slot: int) -> None:
    """Take out what was true only while the process in `slot` lived, such as its open sessions."""
    mark_process_dead(slot, folder)  # type: ignore[no-untyped-call]


class SharedCollector(Collector):
    """What all workers have counted, those that ended included."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def collect(self) -> Iterable[Metric]:
        """Read all files; one that is just being made is still empty."""
        files = [str(path) for path in self._folder.glob("*.db") if _has_content(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: what there is, the workers know."""
        return ()


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        # Its worker has ended since the folder was read.
        return False
