"""The real daemon, with everything that a test may want to change about it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon
from relayguard.testing.ports import free_port
from tests.conftest import configuration, open_folder

Start = Callable[..., "Running"]


class Running:
    """A running daemon in a folder of its own."""

    def __init__(self, daemon: Daemon, folder: Path, metrics_address: str) -> None:
        self.daemon = daemon
        self.folder = folder
        self.address = f"unix:{folder}/milter.sock"
        self.metrics_address = metrics_address

    def metrics(self) -> str:
        """What /metrics says."""
        return self.daemon.metrics(self.metrics_address)

    def change(self, old: str, new: str) -> None:
        """Replace a piece of the configuration file."""
        assert old in self.daemon.toml
        self.daemon.toml = self.daemon.toml.replace(old, new)
        self.daemon.write(self.daemon.toml)


def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody is told of."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start daemons: ``start(filters='"author"', workers=1, tables="", extra="")``."""
    with ExitStack() as stack:

        def started(filters: str = '"author"', *, tables: str = "", settings: str = "", **how: object) -> Running:
            folder = stack.enter_context(open_folder())
            metrics = f"127.0.0.1:{free_port()}"
            address = f"unix:{folder}/milter.sock"
            text = configuration(address, 53, metrics, filters, control=f"{folder}/control.sock", **how)  # type: ignore[arg-type]  # as asked
            text = text.replace("[daemon]\n", f"[daemon]\n{settings}") + tables.replace("FOLDER", str(folder))
            return Running(stack.enter_context(Daemon(folder, text)), folder, metrics)

        yield started
