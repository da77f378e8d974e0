"""The demonstration itself: it must do what it shows, time after time, and leave nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs_root, open_folder

pytestmark = [pytest.mark.mta, needs_root]

DEMO = [sys.executable, "-m", "relayguard", "demo"]
ALL_WELL = r"^(\d+) of \1 messages got what they should\.$"


@pytest.fixture
def temporary() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def leftovers(temporary: Path) -> list[Path]:
    return list(temporary.glob("relayguard-*"))


def test_every_message_of_the_demo_gets_what_it_should(temporary: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run(DEMO, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(ALL_WELL, done.stdout, re.MULTILINE)
    assert leftovers(temporary) == []


def test_ctrl_c_ends_a_demo_that_was_kept_after_another_and_cleans_up(temporary: Path) -> None:
    output = temporary / "output"
    with output.open("w") as stream:
        kept = subprocess.Popen(
            [*DEMO, "--keep"], env={**os.environ, "TMPDIR": str(temporary)}, stdout=stream, stderr=stream
        )
    deadline = time.monotonic() + 90
    while "Ctrl-C stops" not in output.read_text():
        assert kept.poll() is None, output.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert re.search(ALL_WELL, output.read_text(), re.MULTILINE)
    command = re.search(r"swaks .*", output.read_text())
    assert command is not None
    sent = subprocess.run(command[0].split(), capture_output=True, text=True, timeout=60, check=False)
    assert sent.returncode == 0, sent.stdout
    kept.send_signal(signal.SIGINT)
    assert kept.wait(timeout=60) == 0
    assert leftovers(temporary) == []
