"""Opens the socket that the MTA connects to."""

import os
import socket
import stat
from pathlib import Path

from relayguard.config import Listener, split_host_port

BACKLOG = 512


class ListenError(Exception):
    """The socket cannot be opened; the message names the address and says why."""


def open_listener(listener: Listener) -> socket.socket:
    """Return a listening socket; raises ListenError. A stale unix socket is replaced, a live one is not."""
    kind, _, address = listener.address.partition(":")
    try:
        return _open_unix(Path(address), int(listener.mode, 8)) if kind == "unix" else _open_inet(address)
    except OSError as error:
        raise ListenError(f"cannot listen on {listener.address}: {error.strerror or error}") from error


def close_listener(listener: Listener, opened: socket.socket) -> None:
    """Stop listening, and remove a unix socket that we made."""
    opened.close()
    kind, _, address = listener.address.partition(":")
    if kind == "unix":
        Path(address).unlink(missing_ok=True)


def _open_unix(path: Path, mode: int) -> socket.socket:
    _remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Bound with no permissions at all, so that nobody connects before the mode is right.
    mask = os.umask(0o777)
    try:
        opened.bind(str(path))
    finally:
        os.umask(mask)
    path.chmod(mode)
    opened.listen(BACKLOG)
    return opened


def _remove_stale(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(0, "it exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise FileExistsError(0, "another process is serving there")


def _open_inet(address: str) -> socket.socket:
    host, port = split_host_port(address)
    family, kind, protocol, _, target = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by accepted sockets. Without it every changed message waits 40 ms for a delayed ACK.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.bind(target)
    opened.listen(BACKLOG)
    return opened
