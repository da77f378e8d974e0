"""The sockets that the MTA connects to. The supervisor owns them; workers accept on them."""

import contextlib
import grp
import os
import socket
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from relayguard.config import Listener, split_host_port

BACKLOG = 512


class ListenError(Exception):
    """A socket cannot be opened; the message names the address and says why."""


class Listeners:
    """All open sockets, by address.

    `inherited` are those that systemd holds for us, by name. They are never shut down nor unlinked, and only
    closed by our end: who connects meanwhile waits for whoever serves next.
    """

    def __init__(self, inherited: Mapping[str, socket.socket]) -> None:
        self._inherited = {f"systemd:{name}": given for name, given in inherited.items()}
        self._own: dict[str, socket.socket] = {}

    def open(self, wanted: Iterable[Listener]) -> None:
        """Open what is not open yet; raises ListenError, and then nothing has changed."""
        opened: dict[str, socket.socket] = {}
        try:
            for listener in wanted:
                if listener.address in self._own:
                    _permit(listener)
                elif listener.address.startswith("systemd:"):
                    self._require(listener.address)
                else:
                    opened[listener.address] = open_listener(listener)
        except ListenError:
            for address, own in opened.items():
                _close(address, own)
            raise
        self._own |= opened

    def __getitem__(self, address: str) -> socket.socket:
        return self._inherited[address] if address in self._inherited else self._own[address]

    def keep(self, wanted: Iterable[Listener]) -> None:
        """Close every socket of our own that is not wanted any more; call it when no worker accepts on it."""
        wanted = tuple(wanted)
        addresses = {listener.address for listener in wanted}
        for address in self._own.keys() - addresses:
            _close(address, self._own.pop(address))
        for listener in wanted:
            if listener.address in self._own:
                # A configuration that was not to be may have changed them.
                with contextlib.suppress(ListenError):
                    _permit(listener)

    def unused(self, wanted: Iterable[Listener]) -> list[str]:
        """Return the addresses of the inherited sockets that no listener takes: whoever connects there waits."""
        return sorted(self._inherited.keys() - {listener.address for listener in wanted})

    def _require(self, address: str) -> None:
        if address not in self._inherited:
            passed = ", ".join(self._inherited) or "none"
            raise ListenError(f"cannot listen on {address}: systemd has passed no such socket (it passed: {passed})")


def reason(error: OSError | ValueError) -> str:
    """Say in a few words why a socket could not be opened; a malformed host name is a ValueError."""
    return str((error.strerror if isinstance(error, OSError) else None) or error)


def open_listener(listener: Listener) -> socket.socket:
    """Return a listening socket; raises ListenError. A stale unix socket is replaced, a live one is not."""
    kind, _, address = listener.address.partition(":")
    try:
        opened = _open_unix(Path(address), listener) if kind == "unix" else _open_inet(address)
    except (OSError, ValueError) as error:
        raise ListenError(f"cannot listen on {listener.address}: {reason(error)}") from error
    # Many workers wait on it, and one of them accepts: the others must not block in accept().
    opened.settimeout(0)
    return opened


def _close(address: str, opened: socket.socket) -> None:
    # libmilter's poll holds on to the file for some seconds: closing alone would leave clients waiting.
    opened.shutdown(socket.SHUT_RDWR)
    opened.close()
    kind, _, path = address.partition(":")
    if kind == "unix":
        # Whoever has put something else there meanwhile may keep it.
        with contextlib.suppress(OSError):
            remove_stale(Path(path))


def _open_unix(path: Path, listener: Listener) -> socket.socket:
    remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Bound with no permissions at all, so that nobody connects before they are right.
    mask = os.umask(0o777)
    try:
        opened.bind(str(path))
    except OSError:
        opened.close()
        raise
    finally:
        os.umask(mask)
    try:
        _permit(listener)
    except ListenError:
        opened.close()
        path.unlink()
        raise
    opened.listen(BACKLOG)
    return opened


def _permit(listener: Listener) -> None:
    """Set group and mode of a unix socket."""
    kind, _, path = listener.address.partition(":")
    if kind != "unix":
        return
    try:
        if listener.group is not None:
            os.chown(path, -1, grp.getgrnam(listener.group).gr_gid)
        Path(path).chmod(int(listener.mode, 8))
    except KeyError:
        raise ListenError(f"cannot listen on {listener.address}: there is no group {listener.group!r}") from None
    except OSError as error:
        wanted = f"mode {listener.mode}" + (f" and group {listener.group}" if listener.group else "")
        raise ListenError(f"cannot give {listener.address} {wanted}: {error.strerror}") from error


def remove_stale(path: Path) -> None:
    """Remove a unix socket that nobody serves; raises FileExistsError for one that is served, and for what is none."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(0, "it exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # Somebody whose queue is full lives, too.
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise FileExistsError(0, "another process is serving there")


def _open_inet(address: str) -> socket.socket:
    host, port = split_host_port(address)
    family, kind, protocol, _, target = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted sockets. Without it every changed message waits 40 ms for a delayed ACK.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.bind(target)
    except OSError:
        opened.close()
        raise
    opened.listen(BACKLOG)
    return opened
