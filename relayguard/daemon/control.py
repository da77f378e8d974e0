"""The control socket: how ``relayguard reload`` asks the daemon, and hears what came of it."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from relayguard.daemon.listeners import ListenError, remove_stale

_LONGEST = 4096
_ASK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: `lines` are for the operator."""

    ok: bool
    lines: tuple[str, ...]


class ControlError(Exception):
    """The daemon cannot be asked; the message says why, and what to do."""


class Control:
    """Answers requests on a unix socket that only the daemon's own user (and root) can open."""

    def __init__(self, path: Path, reload: Callable[[], Awaitable[Answer]]) -> None:
        self._path = path
        self._reload = reload
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to answer; raises ListenError."""
        mask = os.umask(0o177)
        try:
            # asyncio itself would take the path from a daemon that lives.
            remove_stale(self._path)
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_LONGEST)
        except OSError as error:
            reason = error.strerror or error
            raise ListenError(
                f"cannot open the control socket {self._path}: {reason} (set daemon.control to another path or 'off')"
            ) from error
        finally:
            os.umask(mask)

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            # Whoever has put something else there meanwhile may keep it.
            with contextlib.suppress(OSError):
                remove_stale(self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            try:
                async with asyncio.timeout(_ASK_SECONDS):
                    request = await reader.readline()
            except (TimeoutError, ValueError):
                # Whoever asked never said what he wanted, or said too much.
                return
            if request == b"reload\n":
                answer = await self._reload()
            else:
                answer = Answer(ok=False, lines=("unknown request",))
            writer.write(json.dumps(asdict(answer)).encode() + b"\n")
            await writer.drain()
        except OSError:
            # Whoever asked has gone: nothing is owed to him.
            return
        finally:
            writer.close()


def ask(path: Path, request: str, seconds: float) -> Answer:
    """Send a request to the daemon and wait for its answer; raises ControlError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            connection.sendall(request.encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except OSError as error:
            reason = error.strerror or error
            raise ControlError(
                f"cannot ask the daemon at {path}: {reason}; is it running, and are you its user? "
                "(after a change of daemon.control: --control with the old path)"
            ) from error
    if not line:
        raise ControlError(f"the daemon at {path} hung up: see its log")
    answer = json.loads(line)
    return Answer(answer["ok"], tuple(answer["lines"]))
