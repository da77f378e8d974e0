import asyncio
import subprocess
import sys
from io import StringIO

import pytest

from relayguard.log import make_logger
from relayguard.milter.libmilter import LibmilterTransport
from relayguard.milter.native import NativeTransport
from relayguard.milter.transport import is_installed, open_transport
from tests.relayguard.pipeline.rig import Rig

LOGGER = make_logger("json", "info", StringIO())


async def opened(name: str, *listeners: str) -> object:
    return open_transport(name, {each: Rig().pipeline for each in listeners}, LOGGER)  # type: ignore[arg-type]  # as asked


def test_a_transport_has_the_name_that_the_configuration_gives_it() -> None:
    assert isinstance(asyncio.run(opened("native", "in", "out")), NativeTransport)
    assert isinstance(asyncio.run(opened("libmilter", "in")), LibmilterTransport)


def test_libmilter_serves_one_listener_a_process() -> None:
    with pytest.raises(ValueError, match="too many values"):
        asyncio.run(opened("libmilter", "in", "out"))


def test_the_native_transport_needs_no_pymilter() -> None:
    program = (
        "import sys; sys.modules['milter'] = None\n"
        "from relayguard.milter import native, transport\n"
        "from relayguard.daemon import worker\n"
        "print('relayguard.milter.libmilter' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "False\n"


def test_what_is_installed_is_known_without_loading_it() -> None:
    assert is_installed("native")
    assert is_installed("libmilter")
