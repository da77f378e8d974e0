from tests.relayguard.cli.conftest import Run


def test_the_command_that_only_the_supervisor_uses_is_not_shown_to_people(relayguard: Run) -> None:
    shown = relayguard("--help").stdout
    assert "reload" in shown
    assert "worker" not in shown


def test_what_is_no_assignment_starts_nothing(relayguard: Run) -> None:
    assert relayguard("worker", "{}").returncode != 0
