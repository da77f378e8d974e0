import re
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from relayguard.metrics import catalog
from relayguard.metrics.numbers import Histograms, private
from relayguard.metrics.shared import SharedCollector, forget
from relayguard.testing.daemon import sample

WORKER = """
import sys
from relayguard.metrics.shared import share
place = share(sys.argv[1], int(sys.argv[2]))
from relayguard.config import Listener
from relayguard.core.session import Session
from relayguard.metrics.prometheus import PrometheusMetrics
metrics = PrometheusMetrics("1", place)
for _ in range(int(sys.argv[3])):
    metrics.connected(Session(client_address=None, listener="default"))
"""


def worker(folder: Path, slot: int, connections: int) -> None:
    subprocess.run([sys.executable, "-c", WORKER, str(folder), str(slot), str(connections)], check=True)


def registry_of(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(SharedCollector(str(folder)))
    return registry


def told(folder: Path, name: str) -> float:
    return sample(generate_latest(registry_of(folder)).decode(), name)


def test_what_all_workers_count_is_added_up(tmp_path: Path) -> None:
    worker(tmp_path, 0, 3)
    worker(tmp_path, 1, 4)
    assert told(tmp_path, "relayguard_connections_total") == 7
    assert told(tmp_path, "relayguard_build_info") == 1


def test_a_successor_in_a_slot_counts_on_and_needs_no_new_file(tmp_path: Path) -> None:
    worker(tmp_path, 0, 3)
    files = set(tmp_path.iterdir())
    worker(tmp_path, 0, 4)
    assert told(tmp_path, "relayguard_connections_total") == 7
    assert set(tmp_path.iterdir()) == files


MANY = """
import sys
from relayguard.metrics.shared import share
from relayguard.core.stages import Stage
from relayguard.metrics.prometheus import PrometheusMetrics
metrics = PrometheusMetrics("1", share(sys.argv[1], 0))
for number in range(100):
    metrics.loop_held(f"{number}" * 2000, Stage.HELO, 1.0, moved=False)
for number in range(100):
    metrics.loop_held(f"{number}" * 2000, Stage.HELO, 1.0, moved=False)
"""


def test_more_than_there_was_room_for_is_counted_as_well(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", MANY, str(tmp_path)], check=True)
    assert (tmp_path / "counter_0.db").stat().st_size > 256 * 1024
    text = generate_latest(registry_of(tmp_path)).decode()
    counts = re.findall(r"^relayguard_filter_loop_held_total\{.*\} (.*)$", text, re.MULTILINE)
    assert counts == ["4.0"] * 100


OBSERVING = """
import sys
from relayguard.metrics import catalog
from relayguard.metrics.numbers import Histograms
from relayguard.metrics.shared import share
histograms = Histograms(catalog.MESSAGE_BYTES, share(sys.argv[1], 0))
for size in (2_000, 2_001, 60_000_000):
    histograms["incoming",].observe(size)
"""


def test_a_histogram_of_all_workers_reads_as_one_of_a_single_process(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", OBSERVING, str(tmp_path)], check=True)
    alone = Histograms(catalog.MESSAGE_BYTES, private)
    for size in (2_000, 2_001, 60_000_000) * 2:
        alone["incoming",].observe(size)
    (family,) = registry_of(tmp_path).collect()
    told = {(sample.name, *sample.labels.items()): sample.value for sample in family.samples}
    assert told == {(sample.name, *sample.labels.items()): sample.value for sample in alone.family().samples}


def test_when_a_worker_dies_its_sessions_are_gone_and_its_counts_stay(tmp_path: Path) -> None:
    worker(tmp_path, 0, 3)
    worker(tmp_path, 1, 4)
    forget(str(tmp_path), 0)
    assert told(tmp_path, "relayguard_sessions_active") == 4
    assert told(tmp_path, "relayguard_connections_total") == 7


def test_a_file_that_is_just_being_made_spoils_no_scrape(tmp_path: Path) -> None:
    worker(tmp_path, 0, 3)
    (tmp_path / "counter_1.db").touch()
    assert told(tmp_path, "relayguard_connections_total") == 3


def test_where_there_is_no_room_it_is_told_before_a_write_could_kill_the_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(tmp_path / "missing"), "0", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr
    worker(tmp_path, 0, 1)
    # The room is there, not only the name.
    assert all(path.stat().st_blocks * 512 >= path.stat().st_size for path in tmp_path.iterdir())


RUNNING = """
import sys
from relayguard.metrics.shared import share
from relayguard.core.stages import Stage
from relayguard.metrics.prometheus import PrometheusMetrics
metrics = PrometheusMetrics("1", share(sys.argv[1], int(sys.argv[2])))
metrics.breaker_changed("slow", Stage.HELO, is_open=bool(int(sys.argv[3])))
"""


def test_of_a_gauge_the_greatest_of_the_living_workers_counts(tmp_path: Path) -> None:
    for slot, is_open in ((0, 1), (1, 0)):
        subprocess.run([sys.executable, "-c", RUNNING, str(tmp_path), str(slot), str(is_open)], check=True)
    collector = SharedCollector(str(tmp_path))
    assert collector.greatest(catalog.BREAKER_OPEN) == {("slow", "helo"): 1.0}
    forget(str(tmp_path), 0)
    assert collector.greatest(catalog.BREAKER_OPEN) == {("slow", "helo"): 0.0}
