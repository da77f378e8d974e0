import socket
from collections.abc import Callable
from pathlib import Path

from tests.relayguard.cli.conftest import Run

CONFIG = """\
[daemon]
control = "off"
[listener.default]
address = "unix:{socket}"
[metrics]
address = "{metrics}"
"""


def test_a_broken_configuration_is_reported_and_nothing_is_served(
    relayguard: Run, config: Callable[[str], Path]
) -> None:
    done = relayguard("run", "-c", config('profile = "strict"'))
    assert done.returncode == 78
    assert "profile: input should be 'monitor' or 'enforce'" in done.stderr


def test_an_address_that_cannot_be_listened_on_is_named(
    relayguard: Run, config: Callable[[str], Path], tmp_path: Path
) -> None:
    text = CONFIG.format(socket=tmp_path / "missing" / "milter.sock", metrics="off")
    done = relayguard("run", "-c", config(text))
    assert done.returncode == 69
    assert f"cannot listen on unix:{tmp_path}/missing/milter.sock: No such file or directory" in done.stderr


def test_a_port_for_metrics_that_is_taken_is_named(
    relayguard: Run, config: Callable[[str], Path], tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = CONFIG.format(socket=tmp_path / "milter.sock", metrics=address)
        done = relayguard("run", "-c", config(text))
    assert done.returncode == 69
    assert done.stderr == f"cannot serve metrics on {address}: Address already in use\n"
