"""The listening sockets that systemd opened for us (sd_listen_fds(3)).

They are systemd's: it goes on listening while we restart, so they are only ever closed. Never shut one down
(that acts on the socket itself, for everybody who holds it), and never unlink its path.
"""

import fcntl
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack

_FIRST = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
_INET = (socket.AF_INET, socket.AF_INET6)
_USELESS = (
    "descriptor {}, which systemd passed as {!r}, is no listening stream socket: "
    "its .socket unit must have ListenStream= and Accept=no"
)


class InheritedError(Exception):
    """What systemd passed cannot be used; the message says what to change in which unit."""


def inherited_sockets(environ: MutableMapping[str, str], pid: int) -> Mapping[str, socket.socket]:
    """Return the listening sockets passed to the process `pid`, by name; raises InheritedError.

    The name is that of ``FileDescriptorName=`` in the socket's unit, and what ``address = "systemd:NAME"``
    means. The sockets do not block and are not passed on to children by themselves; the caller owns them, and
    closes them, no more. The variables are taken out of `environ`, so that no child takes them for its own:
    call this once.
    """
    for_pid, count, names = (environ.pop(variable, "") for variable in _VARIABLES)
    if for_pid != str(pid):
        return {}
    found: dict[str, socket.socket] = {}
    with ExitStack() as opened:
        for number, name in enumerate(_names(count, names), _FIRST):
            if name in found:
                raise InheritedError(
                    f"systemd passed two sockets named {name!r}: give each address a .socket unit of its own, with "
                    "FileDescriptorName= and Service=relayguard.service"
                )
            found[name] = opened.enter_context(_adopt(number, name))
            if not _prepare(found[name]):
                raise InheritedError(_USELESS.format(number, name))
        opened.pop_all()
    return found


def _names(count: str, names: str) -> list[str]:
    if not (count.isascii() and count.isdigit()):
        raise InheritedError(f"LISTEN_FDS={count!r} is no number: let systemd set it, from a .socket unit")
    # As sd_listen_fds_with_names(3) names what has no name.
    given = names.split(":") if names else ["unknown"] * int(count)
    if len(given) != int(count):
        raise InheritedError(f"LISTEN_FDNAMES={names!r} does not name {count} sockets: let systemd set both")
    return given


def _adopt(number: int, name: str) -> socket.socket:
    try:
        return socket.socket(fileno=number)
    except OSError as error:
        raise InheritedError(_USELESS.format(number, name)) from error


def _prepare(given: socket.socket) -> bool:
    """Make a listening stream socket fit for the workers; False if it is none."""
    if given.type != socket.SOCK_STREAM or not given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    fcntl.fcntl(given, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    given.settimeout(0)
    if given.family in _INET:
        # Inherited by accepted sockets. Without it every changed message waits 40 ms for a delayed ACK.
        given.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return True
