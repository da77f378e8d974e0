import asyncio
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from relayguard.log import make_logger
from relayguard.milter.libmilter import LibmilterTransport
from relayguard.milter.native import NativeTransport
from relayguard.milter.transport import open_transport, problem_with
from relayguard.testing.daemon import Daemon
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.conftest import configuration
from tests.relayguard.pipeline.rig import Rig

WITHOUT_PYMILTER = str(Path(__file__).parents[2] / "sabotage" / "without_pymilter.py")

LOGGER = make_logger("json", "info", StringIO())


async def opened(name: str, *listeners: str) -> object:
    return open_transport(name, {each: Rig().pipeline for each in listeners}, LOGGER)  # type: ignore[arg-type]  # as asked


def test_a_transport_has_the_name_that_the_configuration_gives_it() -> None:
    assert isinstance(asyncio.run(opened("native", "in", "out")), NativeTransport)
    assert isinstance(asyncio.run(opened("libmilter", "in")), LibmilterTransport)


def test_libmilter_serves_one_listener_a_process() -> None:
    with pytest.raises(ValueError, match="too many values"):
        asyncio.run(opened("libmilter", "in", "out"))


def test_without_pymilter_mail_is_served_over_the_native_transport(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/milter.sock"
    text = configuration(address, 53, "off", '"author"', transport="native")
    with Daemon(tmp_path, text, program=(WITHOUT_PYMILTER,)), MilterClient(address) as client:
        client.connect()
        client.helo()
        assert client.deliver(b"From: a@example.org\r\n\r\nbody\r\n").reply == CONTINUE


def test_without_pymilter_a_listener_over_libmilter_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "relayguard.toml").write_text('[listener.in]\ntransport = "libmilter"\n')
    said = subprocess.run(
        [sys.executable, WITHOUT_PYMILTER, "check", "--config", str(tmp_path / "relayguard.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 78
    assert "listener.in.transport: pymilter cannot be loaded (" in said.stderr
    assert "pip install 'relayguard[libmilter]', or set transport" in said.stderr


def test_both_transports_can_be_used_here() -> None:
    assert problem_with("native") is None
    assert problem_with("libmilter") is None
