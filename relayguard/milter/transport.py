"""What a worker knows of a transport, whichever it is."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol

from relayguard.config import TransportName
from relayguard.core.text import printable
from relayguard.log import Logger
from relayguard.pipeline.connection import Pipeline


class Transport(Protocol):
    """Serves milter connections. `sessions` counts those that are open, `transactions` the envelopes in progress."""

    @property
    def sessions(self) -> int: ...  # noqa: D102  # see above

    @property
    def transactions(self) -> int: ...  # noqa: D102  # see above

    def active(self, seconds: float) -> int:
        """Return how many connections have an envelope in progress, or said something in the last seconds."""

    def serve(self, listeners: Mapping[str, socket.socket], ended: Callable[[], None]) -> None:
        """Accept connections on `listeners`, by name; `ended` is called if that ends by itself."""

    def detach(self) -> None:
        """Accept nothing more; the sessions that there are go on."""


def open_transport(name: TransportName, pipelines: Mapping[str, Pipeline], logger: Logger) -> Transport:
    """Return the transport for `pipelines`, by listener, on the running event loop; libmilter takes just one."""
    if name == "native":
        from relayguard.milter.native import NativeTransport

        return NativeTransport(pipelines, logger)
    # Without pymilter there is nothing to import.
    from relayguard.milter.libmilter import LibmilterTransport

    (pipeline,) = pipelines.values()
    return LibmilterTransport(pipeline, asyncio.get_running_loop(), logger)


def problem_with(name: TransportName) -> str | None:
    """Say why the transport cannot be used, and what to do; None if it can."""
    if name == "native":
        return None
    try:
        import_module("relayguard.milter.libmilter")
    except ImportError as error:
        remedy = "pip install 'relayguard[libmilter]', or set transport = \"native\""
        return f"pymilter cannot be loaded ({printable(str(error))}): {remedy}"
    return None
