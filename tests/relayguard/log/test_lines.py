import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TextIO

import pytest

from relayguard.log import make_logger
from relayguard.log.lines import Lines
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.conftest import configuration, open_folder

PLAIN = b"From: <a@example.net>\r\n\r\nhello\r\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """Where it is read, and a stream that is written; it takes one page."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(writing, "w") as stream:
        yield reading, stream
    os.close(reading)


def test_a_pipe_that_nobody_reads_costs_lines_and_holds_nobody(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    lines = Lines(stream)
    for _ in range(100):
        lines.info("x" * 999)
    assert os.read(reading, 10_000) == b"x" * 999 + b"\n"
    lines.info("after")
    assert os.read(reading, 10_000) == b"after\n"


def test_what_follows_a_line_that_was_cut_begins_on_its_own(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    lines = Lines(stream)
    lines.info("y" * 5000)
    assert os.read(reading, 10_000) == b"y" * 4096
    lines.info("after")
    assert os.read(reading, 10_000) == b"\nafter\n"
    lines.info("and after")
    assert os.read(reading, 10_000) == b"and after\n"


def test_a_socket_that_nobody_reads_is_no_better() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.dup(ours.fileno()), "w") as stream:
        lines = Lines(stream)
        for _ in range(3000):
            lines.info("z" * 999)
        assert theirs.recv(1000) == b"z" * 999 + b"\n"


def test_without_standard_error_nothing_is_written_and_nothing_fails() -> None:
    make_logger("auto", "info", None).info("hello")


def test_any_other_stream_is_written_to() -> None:
    stream = StringIO()
    Lines(stream).error("hello")
    assert stream.getvalue() == "hello\n"


def test_mail_flows_and_the_daemon_stops_while_nobody_reads_its_standard_error() -> None:
    with open_folder() as folder:
        address, config = f"unix:{folder}/milter.sock", folder / "relayguard.toml"
        config.write_text(configuration(address, 53, "off", '"author"'))
        program = [sys.executable, "-m", "relayguard", "run", "--config", str(config)]
        with subprocess.Popen(program, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as daemon:
            assert daemon.stderr is not None
            fcntl.fcntl(daemon.stderr, fcntl.F_SETPIPE_SZ, 4096)
            try:
                assert json.loads(daemon.stderr.readline())["event"] == "serving"
                with MilterClient(address) as client:
                    client.connect()
                    client.helo()
                    for _ in range(50):
                        assert client.deliver(PLAIN).reply == CONTINUE
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(timeout=30) == 0
            finally:
                daemon.kill()


def test_the_daemon_runs_without_standard_error(tmp_path: Path) -> None:
    with open_folder() as folder:
        config = folder / "relayguard.toml"
        config.write_text(configuration(f"unix:{folder}/milter.sock", 53, "off", '"author"'))
        program = f'exec "{sys.executable}" -m relayguard run --config {config} 2>&-'
        with subprocess.Popen(["sh", "-c", program], stdin=subprocess.DEVNULL) as daemon:
            try:
                while not (folder / "milter.sock").exists():
                    assert daemon.poll() is None
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(timeout=30) == 0
            finally:
                daemon.kill()
