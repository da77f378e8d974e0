"""Workers are killed, configurations change and the daemon stops, all under load: no mail is lost, none comes twice."""

import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from relayguard.daemon.assignment import Assignment
from relayguard.testing.daemon import Daemon, sample
from tests.conftest import needs_root
from tests.integration.conftest import Relay, StartRelay
from tests.integration.load import under_load

pytestmark = [pytest.mark.mta, needs_root]

PLAIN = b"From: <a@example.net>\r\n\r\nhello\r\n"
NAP = "X-Do-At-End: nap\r\n"


@pytest.fixture(scope="module")
def relay(start_relay: StartRelay, slow_transport: str) -> Relay:
    return start_relay('"obedient"', workers=2, transport=slow_transport)


def settled(daemon: Daemon) -> dict[int, Assignment]:
    """Wait until no old generation drains any more, and return the workers."""
    deadline = time.monotonic() + 30
    while len(daemon.generations()) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return daemon.workers()


def test_a_killed_worker_costs_only_its_own_sessions_and_their_mail_comes_later(relay: Relay) -> None:
    daemon = relay.served.daemon
    with under_load(relay, clients=12, header=NAP) as load:
        workers = settled(daemon)
        # Whoever ended a message just now has others in hand.
        busy = daemon.events("envelope")[-1]["worker"]
        (victim,) = (pid for pid, assignment in workers.items() if assignment.slot == busy)
        (survivor,) = workers.keys() - {victim}
        before = len(daemon.events("worker replaced"))
        os.kill(victim, signal.SIGKILL)
        daemon.await_events("worker replaced", before + 1)
        load.await_accepted(20)
    assert set(daemon.workers()) > {survivor}
    assert len(daemon.workers()) == 2
    # What the dead worker had in hand was deferred, not refused: at most one message for each client.
    assert {failure.command for failure in load.failures} <= {"message", "mail", "rcpt", "ehlo"}
    assert all(failure.said.startswith("451 4.7.1") for failure in load.failures)
    assert 1 <= len(load.failures) <= 12
    died = daemon.events("worker died")[-1]
    assert (died["cause"], died["status"], died["pid"]) == ("signal", -signal.SIGKILL, victim)


@pytest.mark.long
def test_ten_reloads_fail_none_of_ten_thousand_sessions(relay: Relay) -> None:
    with under_load(relay, clients=8) as load:
        for _ in range(10):
            reload_once(relay)
            load.await_accepted(1_000, seconds=300)
    assert load.failures == []
    assert load.sessions >= 10_000


BROKEN: Mapping[str, Callable[[Daemon], object]] = {
    "a broken file": lambda daemon: daemon.write("filters = ["),
    "an unknown option": lambda daemon: daemon.write(daemon.toml + "\n[dns2]\n"),
    "a missing file": lambda daemon: (daemon.directory / "relayguard.toml").unlink(),
    "a filter that raises": lambda daemon: daemon.write(daemon.toml.replace('"obedient"', '"obedient", "raising"')),
    "a filter that ends the process": lambda daemon: daemon.write(
        daemon.toml.replace('"obedient"', '"obedient", "leaving"')
    ),
    "a socket that cannot be opened": lambda daemon: daemon.write(
        daemon.toml + '\n[listener.new]\naddress = "unix:/nonexistent/milter.sock"\n'
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_configuration_with_a_fault_changes_nothing_and_is_told_everywhere(relay: Relay, fault: str) -> None:
    daemon = relay.served.daemon
    served = settled(daemon)
    failed = sample(relay.served.metrics(), "relayguard_reloads_total")
    with under_load(relay) as load:
        BROKEN[fault](daemon)
        done = daemon.reload()
        load.await_accepted(20)
    daemon.write(daemon.toml)
    assert load.failures == []
    assert daemon.workers() == served
    assert done.returncode != 0
    assert done.stderr
    assert daemon.events("reload failed, the old configuration serves on")[-1]["problems"]
    assert sample(relay.served.metrics(), "relayguard_reloads_total") == failed + 1


def reload_every_second(relay: Relay, seconds: int) -> None:
    """Send SIGHUP each second; never more than two generations live, and the last configuration serves."""
    daemon = relay.served.daemon
    assert daemon.process is not None
    until = time.monotonic() + seconds
    with under_load(relay) as load:
        while time.monotonic() < until:
            daemon.process.send_signal(signal.SIGHUP)
            second = time.monotonic() + 1
            while time.monotonic() < second:
                assert len(daemon.generations()) <= 2
                time.sleep(0.02)
        load.await_accepted(50)
    # What the last signals asked for has had its turn when this one has.
    reload_once(relay)
    assert load.failures == []


def test_a_reload_every_second_never_makes_more_than_two_generations(relay: Relay) -> None:
    reload_every_second(relay, seconds=4)


@pytest.mark.long
def test_a_reload_every_second_for_a_minute_never_makes_more_than_two_generations(relay: Relay) -> None:
    reload_every_second(relay, seconds=60)


def test_what_a_drop_in_filter_says_after_a_reload_is_in_the_delivered_mail(
    tmp_path: Path, start_relay: StartRelay
) -> None:
    text = (
        "from relayguard import AddHeader, hookimpl\n"
        "class Greet:\n    @hookimpl\n    def end_of_message(self):\n        yield AddHeader('X-Greeting', 'WORD')\n"
    )
    tmp_path.chmod(0o755)
    (tmp_path / "greet.py").write_text(text.replace("WORD", "old"))
    relay = start_relay('"greet"', plugins=tmp_path)
    daemon = relay.served.daemon
    (tmp_path / "greet.py").write_text(text.replace("WORD", "new"))
    (victim,) = daemon.workers()
    os.kill(victim, signal.SIGKILL)
    daemon.await_events("worker replaced", 1)
    # A worker that is replaced runs what its generation was made of.
    assert relay.delivered(relay.send(PLAIN))["X-Greeting"] == "old"
    assert daemon.reload().returncode == 0
    assert relay.delivered(relay.send(PLAIN))["X-Greeting"] == "new"


def counters(text: str) -> dict[str, float]:
    """Return every sample of /metrics that may only grow."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines if re.match(r"\w+_(total|count|bucket|sum)\b", name)}


def count_through(relay: Relay, times: int) -> None:
    """Kill a worker and reload, again and again: no counter ever falls, and in the end they tell what was sent."""
    daemon = relay.served.daemon
    seen: dict[str, float] = counters(relay.served.metrics())
    before = accepted(relay)
    with under_load(relay) as load:
        for _ in range(times):
            for disturb in (kill_one, reload_once):
                disturb(relay)
                load.await_accepted(10)
                now = counters(relay.served.metrics())
                assert not {name: (value, now.get(name)) for name, value in seen.items() if now.get(name, 0) < value}
                seen = now
    deadline = time.monotonic() + 10
    # What a worker had accepted when it was killed, Postfix may not have heard: then it was sent again.
    while (lost := int(accepted(relay) - before) - len(load.accepted)) < 0:
        assert time.monotonic() < deadline, f"{-lost} messages were not counted"
        time.sleep(0.1)
    assert lost <= len(load.failures)
    files = list(metrics_folder(daemon).glob("*.db"))
    kinds = {path.name.rpartition("_")[0] for path in files}
    assert len(files) <= len(kinds) * 4, "two generations of two workers never need more than four slots"


def accepted(relay: Relay) -> float:
    """How many envelopes were accepted, as /metrics tells."""
    return sample(relay.served.metrics(), "relayguard_envelopes_total", outcome="accepted")


def kill_one(relay: Relay) -> None:
    """Kill a worker and wait until it was replaced."""
    daemon = relay.served.daemon
    replaced = len(daemon.events("worker replaced"))
    newest = max(daemon.generations())
    os.kill(next(pid for pid, each in daemon.workers().items() if each.generation == newest), signal.SIGKILL)
    daemon.await_events("worker replaced", replaced + 1, seconds=30)


def reload_once(relay: Relay) -> None:
    """Reload until what serves is what was asked for here: no earlier reload waits for its turn then."""
    said = ""
    while not re.match(r"generation \d+ serves", said):
        settled(relay.served.daemon)
        done = relay.served.daemon.reload()
        assert done.returncode == 0
        said = done.stdout


def metrics_folder(daemon: Daemon) -> Path:
    """Where the workers' metrics lie."""
    return Path(next(iter(daemon.workers().values())).metrics)


def test_no_counter_falls_and_none_is_lost_through_kills_and_reloads(relay: Relay) -> None:
    count_through(relay, times=1)


@pytest.mark.long
def test_no_counter_falls_and_none_is_lost_through_twenty_kills_and_twenty_reloads(relay: Relay) -> None:
    count_through(relay, times=20)
