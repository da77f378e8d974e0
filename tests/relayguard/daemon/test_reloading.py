import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from relayguard.testing.daemon import connect, sample
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.relayguard.daemon.conftest import Running, Start, until

PLAIN = b"From: a@example.net\r\n\r\nbody\r\n"
FAILED = "reload failed, the old configuration serves on"


def our_name(client: MilterClient) -> str:
    """Under which name the daemon that this client talks to signs its results."""
    return client.deliver(PLAIN).added("Authentication-Results")[0].partition(";")[0].strip()


def greeted(address: str) -> MilterClient:
    client = MilterClient(address)
    client.connect()
    client.helo()
    return client


def test_a_signal_does_what_the_command_does(start: Start) -> None:
    running = start()
    assert running.daemon.process is not None
    running.daemon.process.send_signal(signal.SIGHUP)
    running.daemon.await_events("reloaded", 1)
    running.daemon.write("filters = [")
    running.daemon.process.send_signal(signal.SIGHUP)
    (failed,) = running.daemon.await_events(FAILED, 1)
    assert "not valid TOML" in failed["problems"][0]
    text = running.metrics()
    assert sample(text, "relayguard_reloads_total", outcome="served") == 1
    assert sample(text, "relayguard_reloads_total", outcome="refused") == 1
    assert sample(text, "relayguard_generation") == 2


def test_an_old_session_goes_on_under_the_old_configuration_and_a_new_one_gets_the_new(start: Start) -> None:
    running = start()
    with greeted(running.address) as old:
        assert our_name(old) == "mx.example.com"
        running.change("mx.example.com", "mx2.example.com")
        assert running.daemon.reload().returncode == 0
        with greeted(running.address) as new:
            assert our_name(new) == "mx2.example.com"
        assert our_name(old) == "mx.example.com"
        assert running.daemon.generations() == {1, 2}
    until(lambda: running.daemon.generations() == {2})


def test_while_a_generation_drains_the_newest_of_further_configurations_waits_for_its_turn(start: Start) -> None:
    running = start()
    with greeted(running.address):
        assert running.daemon.reload().returncode == 0
        for name in ("mx3.example.com", "mx4.example.com"):
            running.daemon.write(running.daemon.toml.replace("mx.example.com", name))
            done = running.daemon.reload()
            assert done.returncode == 0
            assert "it will serve when the generation before the present one has ended" in done.stdout
        assert running.daemon.generations() == {1, 2}
    running.daemon.await_events("reloaded", 2)
    with greeted(running.address) as client:
        assert our_name(client) == "mx4.example.com"
    assert len(running.daemon.events("reloaded")) == 2


def test_a_generation_that_cannot_start_leaves_nothing_behind(start: Start) -> None:
    running = start()
    before = running.daemon.workers()
    running.change('filters = ["author"]', 'filters = ["author", "fussy"]')
    running.daemon.write(running.daemon.toml + f'[listener.new]\naddress = "unix:{running.folder}/new.sock"\n')
    done = running.daemon.reload()
    assert done.returncode == 1
    assert "filter.fussy: RuntimeError: the licence server is away" in done.stderr
    assert running.daemon.workers() == before
    assert not (running.folder / "new.sock").exists()
    assert sample(running.metrics(), "relayguard_reloads_total", outcome="failed") == 1
    with greeted(running.address) as client:
        assert our_name(client) == "mx.example.com"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ('[listener.new]\naddress = "inet:mx..example.com:8899"\n', "cannot listen on inet:mx..example.com:8899"),
        ('[listener.new]\naddress = "systemd:new"\n', "systemd has passed no such socket"),
        ('[listener.new]\naddress = "unix:/nonexistent/x.sock"\n', "No such file or directory"),
    ],
)
def test_an_address_that_cannot_be_listened_on_leaves_the_old_configuration_serving(
    start: Start, tables: str, said: str
) -> None:
    running = start()
    running.daemon.write(running.daemon.toml + tables)
    done = running.daemon.reload()
    assert done.returncode == 1
    assert said in done.stderr
    with greeted(running.address) as client:
        assert our_name(client) == "mx.example.com"


def test_a_socket_file_that_somebody_has_replaced_is_left_alone(start: Start) -> None:
    running = start()
    path = running.folder / "milter.sock"
    path.unlink()
    path.mkdir()
    running.change(running.address, f"unix:{running.folder}/other.sock")
    assert running.daemon.reload().returncode == 0
    until(lambda: running.daemon.generations() == {2})
    assert path.is_dir()
    with greeted(f"unix:{running.folder}/other.sock") as client:
        assert our_name(client) == "mx.example.com"


def test_listeners_come_and_go_and_change_their_mode_with_the_configuration(start: Start) -> None:
    running = start()
    added = f'\n[listener.new]\naddress = "unix:{running.folder}/new.sock"\n'
    running.change('mode = "0666"', 'mode = "0600"')
    running.daemon.write(running.daemon.toml + added)
    assert running.daemon.reload().returncode == 0
    assert stat.S_IMODE((running.folder / "milter.sock").stat().st_mode) == 0o600
    with greeted(f"unix:{running.folder}/new.sock") as client:
        assert our_name(client) == "mx.example.com"
    until(lambda: running.daemon.generations() == {2})
    running.daemon.write(running.daemon.toml)
    assert running.daemon.reload().returncode == 0
    until(lambda: not (running.folder / "new.sock").exists())
    connect(running.address).close()


def test_the_level_of_the_log_holds_for_the_supervisor_too(start: Start) -> None:
    running = start()
    running.daemon.write(running.daemon.toml + '[log]\nlevel = "error"\n')
    assert running.daemon.reload().returncode == 0
    until(lambda: running.daemon.generations() == {2})
    assert running.daemon.reload().returncode == 0
    assert len(running.daemon.events("reloaded")) <= 1


SLOW = """\
import time
from relayguard import hookimpl

class Slow:
    def __init__(self):
        time.sleep(1)

    @hookimpl
    def connect(self): ...
"""


def test_a_stop_while_a_generation_begins_is_orderly(start: Start, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "slow.py").write_text(SLOW)
    running = start()
    running.change('filters = ["author"]', 'filters = ["author", "slow"]')
    running.change(str(Path(__file__).parents[2] / "drop_in"), str(tmp_path))
    assert running.daemon.process is not None
    running.daemon.process.send_signal(signal.SIGHUP)
    until(lambda: len(running.daemon.workers()) > 1)
    stopped_in_order(running)


def test_a_stop_while_a_generation_drains_lets_its_envelopes_end(start: Start) -> None:
    running = start()
    with greeted(running.address) as client:
        client.mail_from()
        client.rcpt_to()
        assert running.daemon.reload().returncode == 0
        assert running.daemon.process is not None
        running.daemon.process.terminate()
        running.daemon.await_events("stopping", 1)
        assert client.message(PLAIN).reply == CONTINUE
        stopped_in_order(running)
    assert running.daemon.events("envelope")[-1]["decision"] == "accepted"


def stopped_in_order(running: Running) -> None:
    processes = running.daemon.workers()
    assert running.daemon.stop() == 0
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    assert not (running.folder / "milter.sock").exists()


def test_a_worker_of_an_old_generation_that_dies_is_not_replaced_and_is_told_of(start: Start) -> None:
    running = start()
    (old,) = running.daemon.workers()
    with greeted(running.address):
        assert running.daemon.reload().returncode == 0
        os.kill(old, signal.SIGKILL)
        running.daemon.await_events("worker died", 1)
    until(lambda: running.daemon.generations() == {2})
    with greeted(running.address) as client:
        assert client.deliver(PLAIN).reply == CONTINUE


def test_several_who_ask_at_once_share_their_turns(start: Start) -> None:
    running = start()
    answers: list[int] = []
    asking = [threading.Thread(target=lambda: answers.append(running.daemon.reload().returncode)) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert answers == [0, 0, 0, 0]
    until(lambda: len(running.daemon.generations()) == 1)


def test_metrics_move_to_another_address(start: Start) -> None:
    from relayguard.testing.ports import free_port

    running = start()
    moved = f"127.0.0.1:{free_port()}"
    running.change(running.metrics_address, moved)
    assert running.daemon.reload().returncode == 0
    assert sample(running.daemon.metrics(moved), "relayguard_generation") == 2
    until(lambda: not _answers(running))


def _answers(running: Running) -> bool:
    try:
        running.metrics()
    except OSError:
        return False
    return True
