from collections.abc import Callable
from pathlib import Path

from relayguard.testing.daemon import Daemon
from tests.conftest import configuration
from tests.relayguard.cli.conftest import Run

Config = Callable[[str], Path]


def test_without_a_daemon_it_says_so(relayguard: Run, config: Config, tmp_path: Path) -> None:
    done = relayguard("reload", "-c", config(f'[daemon]\ncontrol = "{tmp_path}/control.sock"'))
    assert done.returncode == 1
    assert f"cannot ask the daemon at {tmp_path}/control.sock: No such file or directory" in done.stderr


def test_without_a_control_socket_it_says_what_to_do(relayguard: Run, config: Config) -> None:
    done = relayguard("reload", "-c", config('[daemon]\ncontrol = "off"'))
    assert done.returncode == 1
    assert "send SIGHUP to the daemon" in done.stderr


def test_a_broken_file_is_told_even_if_no_daemon_can_be_asked(
    relayguard: Run, config: Config, tmp_path: Path
) -> None:
    done = relayguard("reload", "-c", config("filters = ["), "--control", tmp_path / "control.sock")
    assert done.returncode == 78
    assert "not valid TOML" in done.stderr


def test_a_file_that_does_not_tell_where_its_daemon_is_reloads_no_other(relayguard: Run, config: Config) -> None:
    done = relayguard("reload", "-c", config("filters = ["))
    assert done.returncode == 78
    assert "not valid TOML" in done.stderr


def test_it_waits_until_the_new_configuration_serves_or_is_refused(tmp_path: Path) -> None:
    text = configuration(
        f"unix:{tmp_path}/milter.sock", 53, "off", '"author"', control=str(tmp_path / "control.sock")
    )
    with Daemon(tmp_path, text) as daemon:
        done = daemon.reload()
        assert (done.returncode, done.stdout) == (0, "generation 2 serves\n")
        daemon.write(text + "[dns]\n")
        done = daemon.reload()
        assert done.returncode == 1
        assert "not valid TOML" in done.stderr
        assert done.stderr.endswith("the old configuration serves on\n")
