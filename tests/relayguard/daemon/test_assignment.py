import subprocess
import sys
from dataclasses import replace

import pytest

from relayguard.daemon.assignment import Assignment

ASSIGNMENT = Assignment(
    sockets={"in": 5, "out": 9},
    transport="native",
    generation=3,
    slot=1,
    channel=6,
    snapshot=7,
    crash=8,
    metrics="/run/x y/'\"",
    cpu=1,
)


@pytest.mark.parametrize("cpu", [None, 0, 3])
def test_it_reads_back_what_it_wrote(cpu: int | None) -> None:
    given = replace(ASSIGNMENT, sockets={"in": 1}, transport="libmilter", cpu=cpu)
    assert Assignment.of(given.argument()) == given


def test_it_survives_a_command_line() -> None:
    command = [sys.executable, "-c", "import sys; print(sys.argv[1])", ASSIGNMENT.argument()]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert Assignment.of(said.rstrip("\n")) == ASSIGNMENT


def test_every_descriptor_is_inherited() -> None:
    assert set(ASSIGNMENT.descriptors) == {5, 6, 7, 8, 9}


def test_listeners_that_share_a_worker_are_named_together() -> None:
    assert ASSIGNMENT.listener == "in+out"
