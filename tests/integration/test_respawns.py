"""Workers are killed again and again: what they counted stays counted, and nothing of them is left behind."""

import os
import signal
import time
from pathlib import Path

import pytest

from relayguard.testing.daemon import sample
from tests.conftest import Serve, Served

PLAIN = b"From: <a@example.net>\r\n\r\nhello\r\n"
WORKERS = 4
BY_GENERATION = 3
"""How often each is killed before a reload: soon after one another, they are replaced later and later."""


def send(served: Served) -> None:
    with served.connect() as client:
        client.connect()
        client.helo()
        client.deliver(PLAIN)


def counted(served: Served) -> float:
    return sample(served.metrics(), "relayguard_envelopes_total", outcome="accepted")


def descriptors(served: Served) -> int:
    assert served.daemon.process is not None
    return len(list(Path(f"/proc/{served.daemon.process.pid}/fd").iterdir()))


def kill_all(served: Served) -> None:
    """Kill every worker and wait until each was replaced."""
    daemon = served.daemon
    replaced = len(daemon.events("worker replaced"))
    for pid in daemon.workers():
        os.kill(pid, signal.SIGKILL)
    daemon.await_events("worker replaced", replaced + WORKERS, seconds=60)


def reload(served: Served) -> None:
    assert served.daemon.reload().returncode == 0
    deadline = time.monotonic() + 30
    while len(served.daemon.generations()) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def respawn(served: Served, kills: int) -> None:
    sent = killed = 0
    reload(served)
    before = descriptors(served)
    while killed < kills:
        for _ in range(BY_GENERATION):
            for _ in range(WORKERS):
                send(served)
                sent += 1
            assert counted(served) == sent
            kill_all(served)
            killed += WORKERS
            assert counted(served) == sent
        reload(served)
    metrics = Path(next(iter(served.daemon.workers().values())).metrics)
    files = [path.name for path in metrics.glob("*.db")]
    kinds = {name.rpartition("_")[0] for name in files}
    # Two generations live at a time.
    assert len(files) <= len(kinds) * 2 * WORKERS, files
    # Of workers that have just ended, it is told a moment later.
    deadline = time.monotonic() + 30
    while descriptors(served) > before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert sample(served.metrics(), "relayguard_sessions_active") == 0


def test_workers_killed_a_dozen_times_leave_every_count_and_no_file(serve: Serve) -> None:
    respawn(serve('"author"', workers=WORKERS), kills=12)


@pytest.mark.long
def test_workers_killed_two_hundred_times_leave_every_count_and_no_file(serve: Serve) -> None:
    respawn(serve('"author"', workers=WORKERS), kills=200)
