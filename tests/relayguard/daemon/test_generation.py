import os
import signal
from pathlib import Path

import pytest

from relayguard.testing.daemon import connect, sample
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.conftest import TRANSPORTS
from tests.relayguard.daemon.conftest import Running, Start, until


def order(subject: str) -> bytes:
    return f"From: a@example.net\r\nSubject: {subject}\r\n\r\nbody\r\n".encode()


def greeted(running: Running) -> MilterClient:
    client = MilterClient(running.address)
    client.connect()
    client.helo()
    return client


def test_a_worker_that_crashes_is_replaced_and_the_log_says_where_it_was(start: Start) -> None:
    running = start()
    (victim,) = running.daemon.workers()
    os.kill(victim, signal.SIGSEGV)
    running.daemon.await_events("worker replaced", 1)
    (died,) = running.daemon.events("worker died")
    assert (died["cause"], died["status"]) == ("signal", -signal.SIGSEGV)
    assert died["where"].startswith('File "')
    with greeted(running) as client:
        assert client.deliver(order("hello")).reply == CONTINUE
    assert sample(running.metrics(), "relayguard_workers_replaced_total", cause="signal") == 1


def test_a_filter_that_holds_the_loop_for_ever_is_named_and_its_worker_replaced(start: Start) -> None:
    running = start('"unruly"', settings="heartbeat = 3.0\n")
    with greeted(running) as client, pytest.raises((EOFError, ConnectionResetError)):
        client.deliver(order("loop"))
    running.daemon.await_events("worker replaced", 1, seconds=30)
    (died,) = running.daemon.events("worker died")
    assert died["cause"] == "heartbeat"
    assert "unruly.py" in died["where"]
    assert "hold_the_loop" in died["where"]


def test_a_worker_that_has_grown_is_replaced_and_its_session_goes_on(start: Start) -> None:
    running = start('"unruly"', settings="worker_memory = 128\n")
    (old,) = running.daemon.workers()
    with greeted(running) as client:
        assert client.deliver(order("grow")).reply == CONTINUE
        running.daemon.await_events("worker replaced", 1, seconds=30)
        assert len(running.daemon.workers()) == 2
        assert client.deliver(order("hello")).reply == CONTINUE
        with greeted(running) as other:
            assert other.deliver(order("hello")).reply == CONTINUE
    until(lambda: old not in running.daemon.workers())
    assert sample(running.metrics(), "relayguard_workers_replaced_total", cause="memory") == 1
    assert running.daemon.events("worker died") == []
    assert {line["worker"] for line in running.daemon.events("envelope")} == {0, 1}


def test_a_worker_that_has_grown_serves_on_while_no_successor_can_be_built(start: Start, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    source = (Path(__file__).parents[2] / "drop_in" / "unruly.py").read_text()
    refusing = "import pathlib\nif pathlib.Path(r'FLAG').exists():\n    raise RuntimeError('away')\n"
    (tmp_path / "unruly.py").write_text(source + refusing.replace("FLAG", str(tmp_path / "flag")))
    running = start('"unruly"', settings="worker_memory = 128\n", plugins=tmp_path)
    (old,) = running.daemon.workers()
    (tmp_path / "flag").touch()
    with greeted(running) as client:
        client.deliver(order("grow"))
    running.daemon.await_events("worker died", 2, seconds=30)
    assert old in running.daemon.workers()
    with greeted(running) as client:
        assert client.deliver(order("hello")).reply == CONTINUE
    (tmp_path / "flag").unlink()
    running.daemon.await_events("worker replaced", 1, seconds=30)
    until(lambda: old not in running.daemon.workers())


@pytest.mark.parametrize(
    ("transport", "workers"),
    [("libmilter", ["default", "default", "other"]), ("native", ["default+other", "default+other"])],
)
def test_each_listener_has_filters_of_its_own_and_native_ones_share_their_workers(
    start: Start, transport: str, workers: list[str]
) -> None:
    other = (
        f'[listener.other]\naddress = "unix:FOLDER/other.sock"\ntransport = "{transport}"\nfilters = ["obedient"]\n'
    )
    running = start(workers=2, transport=transport, tables=other)
    assert sorted(each.listener for each in running.daemon.workers().values()) == workers
    with greeted(running) as plain, MilterClient(f"unix:{running.folder}/other.sock") as demanding:
        assert plain.negotiated.protocol != demanding.negotiated.protocol
        demanding.connect()
        demanding.helo()
        assert demanding.deliver(order("hello")).added("X-Body-Size") == [" 6"]
        assert plain.deliver(order("hello")).added("X-Body-Size") == []
    running.daemon.await_events("envelope", 2)
    assert {line["listener"] for line in running.daemon.events("envelope")} == {"default", "other"}
    first = workers[0]
    assert sample(running.metrics(), "relayguard_workers", listener=first, state="serving") == workers.count(first)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_all_workers_of_a_listener_take_their_share(start: Start, transport: str) -> None:
    running = start(workers=2, transport=transport)
    for _ in range(60):
        with greeted(running) as client:
            client.deliver(order("hello"))
    running.daemon.await_events("envelope", 60)
    assert {line["worker"] for line in running.daemon.events("envelope")} == {0, 1}


@pytest.mark.parametrize("pin", ["true", "false"])
def test_workers_keep_to_one_core_each_unless_they_are_told_not_to(start: Start, pin: str) -> None:
    running = start(workers=2, transport="libmilter", settings=f"pin = {pin}\n")
    cores = [os.sched_getaffinity(pid) for pid in running.daemon.workers()]
    everywhere = os.sched_getaffinity(0)
    if pin == "true":
        assert all(len(core) == 1 for core in cores)
        assert len(set.union(*cores)) == min(2, len(everywhere))
    else:
        assert cores == [everywhere, everywhere]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_workers_finish_their_envelopes_and_end_when_the_supervisor_is_gone(
    start: Start, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who is killed cannot remove the folder of its metrics.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    running = start(transport=transport)
    assert running.daemon.process is not None
    (worker,) = running.daemon.workers()
    with greeted(running) as client:
        client.mail_from()
        client.rcpt_to()
        running.daemon.process.kill()
        running.daemon.await_events("the supervisor is gone", 1)
        assert client.message(order("hello")).reply == CONTINUE
    until(lambda: not Path(f"/proc/{worker}").exists())
    with pytest.raises(ConnectionRefusedError):
        connect(running.address)
