"""The metrics of all workers in one place: each writes the file of its slot, and whoever serves them adds up."""

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from relayguard.metrics import catalog
from relayguard.metrics.numbers import Cell, Labels, Place

_KINDS = ("counter", "histogram", "gauge_livesum", "gauge_livemax")
"""The files of a slot, as prometheus-client names them."""

_BYTES = 256 * 1024


def share(folder: str, slot: int) -> Place:
    """Let the numbers of this process lie in the files of `slot`.

    A successor in the same slot counts on from there: no counter ever decreases, and there are never more
    files than workers that lived at one time. Raises OSError if there is no room for them.
    """
    paths = {kind: Path(folder) / f"{kind}_{slot}.db" for kind in _KINDS}
    for path in paths.values():
        _reserve(path)
    files = {kind: _File(path) for kind, path in paths.items()}

    def place(metric: catalog.Metric, sample: str, labels: Labels) -> Cell:
        gauge = metric.kind is catalog.Kind.GAUGE
        kind = f"gauge_{metric.merged}" if gauge else metric.kind.value
        # prometheus-client knows a counter by its name without the suffix.
        name = metric.name.removesuffix("_total")
        return files[kind].cell(mmap_key(name, sample, list(labels), list(labels.values()), metric.help))

    return place


class _File:
    """A file of prometheus-client's multiprocess mode, which it makes and reads; what it costs to count is ours.

    As its `MmapedDict` says, the file begins with how much of it is used, and a sample ends with two doubles, its
    value and a time, which no metric of ours has. A double is written in one go: no reader sees half of it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b")
        self._samples = MmapedDict(str(path))  # type: ignore[no-untyped-call]
        read = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
        self._known: dict[str, int] = {key: position for key, _, _, position in read}
        self._doubles = self._map()

    def cell(self, key: str) -> Cell:
        """Return the place of the value of a sample."""
        position = self._known.get(key)
        if position is None:
            self._samples.read_value(key)  # type: ignore[no-untyped-call]
            # It may have made the file longer; what lies in an older map of it is the same.
            if os.fstat(self._file.fileno()).st_size > self._doubles.nbytes:
                self._doubles = self._map()
            used: int = self._doubles.cast("B").cast("i")[0]
            position = self._known[key] = used - 16
        return self._doubles, position // 8

    def _map(self) -> "memoryview[float]":
        return memoryview(mmap.mmap(self._file.fileno(), 0)).cast("d")


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


Samples = dict[tuple[str, ...], float]
"""The values of a metric, by those of its labels, in the catalogue's order."""


class SharedCollector(Collector):
    """What all workers have counted, those that ended included."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def collect(self) -> Iterable[Metric]:
        """Read all files; one that is just being made is still empty."""
        return self._merged("*.db")

    def greatest(self, metric: catalog.Metric) -> Samples:
        """Return the values of a gauge of which the greatest of the living workers counts."""
        assert metric.merged == "livemax"
        names = [name for name, _ in metric.labels]
        return {
            tuple(sample.labels[name] for name in names): sample.value
            for family in self._merged("gauge_livemax_*.db")
            if family.name == metric.name
            for sample in family.samples
        }

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: what there is, the workers know."""
        return ()

    def _merged(self, pattern: str) -> Iterable[Metric]:
        files = [str(path) for path in self._folder.glob(pattern) if _has_content(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        # Its worker has ended since the folder was read.
        return False
