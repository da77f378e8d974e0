from pathlib import Path

from prometheus_client import generate_latest

from relayguard.core.processes import Cause, Reload, State
from relayguard.metrics.catalog import OF_PROCESSES
from relayguard.metrics.processes import ProcessMetrics, WorkerState, resident_memory
from relayguard.testing.daemon import sample

MB = 1024 * 1024


class Living:
    """Workers that live, as the supervisor would tell."""

    def __init__(self, folder: Path) -> None:
        self.workers = [
            WorkerState("default", 0, State.SERVING, 1000.0, 50 * MB, 2.0, 100, 1),
            WorkerState("default", 1, State.DRAINING, 1001.0, 60 * MB, 3.0, 101, 1),
            WorkerState("other", 2, State.SERVING, 1002.0, 70 * MB, 4.0, 102, 1),
        ]
        self.metrics = ProcessMetrics(str(folder), lambda: self.workers)

    def text(self) -> str:
        return generate_latest(self.metrics.registry).decode()


def test_workers_are_counted_by_listener_and_by_what_they_do(tmp_path: Path) -> None:
    text = Living(tmp_path).text()
    assert sample(text, "relayguard_workers", listener="default", state="serving") == 1
    assert sample(text, "relayguard_workers", listener="default", state="draining") == 1
    assert sample(text, "relayguard_workers", listener="other", state="serving") == 1
    assert sample(text, "relayguard_worker_heartbeat_timestamp_seconds", slot="1") == 1001


def test_memory_and_cpu_are_told_for_each_process(tmp_path: Path) -> None:
    text = Living(tmp_path).text()
    assert sample(text, "relayguard_process_resident_memory_bytes", process="2") == 70 * MB
    assert sample(text, "relayguard_process_resident_memory_bytes", process="supervisor") > 10 * MB
    assert sample(text, "relayguard_process_cpu_seconds_total", process="0") == 2
    assert resident_memory() > 10 * MB


def test_the_cpu_counter_of_a_slot_goes_on_when_its_worker_has_ended(tmp_path: Path) -> None:
    living = Living(tmp_path)
    living.text()
    # Between the last word of a worker and its end, it is in neither place.
    first = living.workers.pop(0)
    assert sample(living.text(), "relayguard_process_cpu_seconds_total", process="0") == 2
    living.metrics.worker_ended(0, 2.0)
    living.workers.append(WorkerState("default", 0, State.STARTING, 1003.0, 40 * MB, 0.5, 103, 1))
    assert sample(living.text(), "relayguard_process_cpu_seconds_total", process="0") == first.cpu + 0.5


def test_replaced_workers_and_reloads_are_counted_by_why(tmp_path: Path) -> None:
    living = Living(tmp_path)
    living.metrics.worker_replaced("default", Cause.HEARTBEAT)
    living.metrics.reloaded(Reload.REFUSED)
    living.metrics.serves(7, ["default", "silent", "default"])
    text = living.text()
    assert sample(text, "relayguard_workers_replaced_total", listener="default", cause="heartbeat") == 1
    assert sample(text, "relayguard_reloads_total", outcome="refused") == 1
    assert sample(text, "relayguard_generation") == 7
    assert sample(text, "relayguard_reload_success_timestamp_seconds") > 1.7e9


def test_every_metric_of_processes_is_exposed_with_its_help(tmp_path: Path) -> None:
    text = Living(tmp_path).text()
    for metric in OF_PROCESSES:
        assert f"# HELP {metric.name} {metric.help}" in text
        assert f"# TYPE {metric.name} {metric.kind.value}" in text
