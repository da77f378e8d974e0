"""journald's native protocol: a datagram for each entry, with a field for each value.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

import errno
import fcntl
import io
import os
import socket
import struct
import uuid
import weakref
from array import array
from collections.abc import Mapping
from functools import cache
from typing import TextIO

from structlog import DropEvent
from structlog.typing import EventDict

from relayguard.log.rendering import message, text

SOCKET = "/run/systemd/journal/socket"
NAMESPACE = uuid.UUID("320c7a16-9cff-4330-9f44-a069102aa611")
"""With the name of an event it makes the event's MESSAGE_ID. It must never change: people's filters hold the result."""

# "A client probably should bump up the SO_SNDBUF socket option": so libsystemd does, to as much.
_BUFFER = 8 * 1024 * 1024
# <syslog.h>
_PRIORITIES = {"debug": "7", "info": "6", "warning": "4", "error": "3"}
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Journal:
    """A processor of structlog that sends events to journald at `address`, and never waits for it.

    What was sent is done with. What journald did not take goes on to the next processors, and so to standard error.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        weakref.finalize(self, self._socket.close)

    def __call__(self, _logger: object, level: str, event: EventDict) -> EventDict:
        """Send the event; return what journald did not take."""
        try:
            self._send(entry(level, event))
        except OSError:
            return event
        raise DropEvent

    def _send(self, data: bytes) -> None:
        try:
            # By its name each time: who stays connected does not meet the successor of a journald that has ended.
            self._socket.sendto(data, self._address)
        except OSError as error:
            # "If this fails with an EMSGSIZE error it would immediately retry via the memfd logic". Where the kernel
            # finds no memory in one piece it says ENOBUFS.
            if error.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                raise
            self._send_in_memory(data)

    def _send_in_memory(self, data: bytes) -> None:
        descriptor = os.memfd_create("relayguard-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(descriptor, "wb") as memory:
            memory.write(data)
            memory.flush()
            # "The memfd file descriptor should be fully sealed." The datagram itself is empty.
            fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
            passed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [memory.fileno()]))
            # socket.send_fds forgets the address.
            self._socket.sendmsg([], [passed], 0, self._address)


def entry(level: str, event: Mapping[str, object]) -> bytes:
    """Return an event as journald wants it; what is None is left out."""
    name = str(event["event"])
    fields = [
        _field("MESSAGE", message(event)),
        f"PRIORITY={_PRIORITIES[level]}\nSYSLOG_IDENTIFIER=relayguard\nMESSAGE_ID={message_id(name)}\n".encode(),
    ]
    fields += [_field(f"RELAYGUARD_{key.upper()}", text(value)) for key, value in event.items() if value is not None]
    return b"".join(fields)


@cache
def message_id(event: str) -> str:
    """Return the MESSAGE_ID that all entries of an event share."""
    return uuid.uuid5(NAMESPACE, event).hex


def is_journal(stream: TextIO, described: str | None) -> bool:
    """Tell whether journald reads `stream`, by the value of $JOURNAL_STREAM.

    systemd.exec(5): "the device and inode numbers of the file descriptor", in decimal, with a colon between. One who
    inherits the variable may write elsewhere, so they must be compared.
    """
    try:
        found = os.fstat(stream.fileno())
    except io.UnsupportedOperation:
        return False
    return described == f"{found.st_dev}:{found.st_ino}"


def _field(name: str, value: str) -> bytes:
    if "\n" not in value:
        return f"{name}={value}\n".encode("utf-8", "backslashreplace")
    # Else it would begin a field of its own: "a 64bit unsigned little endian integer" tells where it ends.
    data = value.encode("utf-8", "backslashreplace")
    return b"%s\n%s%s\n" % (name.encode(), struct.pack("<Q", len(data)), data)
