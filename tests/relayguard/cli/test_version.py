from relayguard import __version__
from tests.relayguard.cli.conftest import Run


def test_the_version_is_printed(relayguard: Run) -> None:
    assert relayguard("version").stdout.startswith(f"relayguard {__version__} (Python 3.")


def test_an_unknown_command_is_refused_with_a_list_of_those_that_exist(relayguard: Run) -> None:
    done = relayguard("serve")
    assert done.returncode == 2
    assert "No such command 'serve'" in done.stderr
