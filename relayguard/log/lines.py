"""Writes lines to standard error, and waits for nobody who does not read it."""

import io
import os
import select
import socket
import stat
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TextIO

_PATIENCE_MS = 50


class Lines:
    """Where structlog writes. A line that is not taken at once is lost: mail is not to stop for it.

    That may be for a pipe that nobody reads, a terminal that was stopped, or a disk that is full. `stream` is None in
    a process without standard error.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = Lock()
        self._poll = select.poll()
        self._cut = False
        self._offer = self._offering(stream) if stream is not None else None

    def write(self, line: str) -> None:
        """Write a line, or lose it."""
        if self._stream is None:
            return
        with self._lock, suppress(OSError):
            if self._offer is None:
                self._stream.write(line + "\n")
                self._stream.flush()
            else:
                self._write(self._offer, f"{line}\n".encode("utf-8", "backslashreplace"))

    # structlog calls what is named as the level.
    debug = info = warning = error = write

    def _write(self, offer: Callable[[bytes], int], data: bytes) -> None:
        if self._cut:
            # The rest of the line before was lost: this one is to begin on its own.
            data = b"\n" + data
        for start in range(0, len(data), select.PIPE_BUF):
            # POSIX write(): of so many octets a pipe takes all or none. A long line has begun by the second time.
            if not self._poll.poll(_PATIENCE_MS if start else 0) or not _taken(
                offer, data[start:][: select.PIPE_BUF]
            ):
                self._cut = self._cut or start > 0
                return
        self._cut = False

    def _offering(self, stream: TextIO) -> Callable[[bytes], int] | None:
        """Return what writes to whoever must read `stream`, without waiting; None if nobody must, as with a file."""
        try:
            number = stream.fileno()
            mode = os.fstat(number).st_mode
        except (io.UnsupportedOperation, OSError):
            return None
        if stat.S_ISSOCK(mode):
            own = socket.socket(fileno=os.dup(number))
            self._poll.register(own, select.POLLOUT)
            weakref.finalize(self, own.close)
            return lambda data: own.send(data, socket.MSG_DONTWAIT)
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return None
        with suppress(OSError):
            # Opened anew: others share the description of theirs, and it is not ours to change how they write.
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            number = os.open(f"/proc/self/fd/{number}", flags)
            weakref.finalize(self, os.close, number)
        # It may be somebody else's, and not for us to open. Then a line of another process may get in between.
        self._poll.register(number, select.POLLOUT)
        return partial(os.write, number)


def _taken(offer: Callable[[bytes], int], data: bytes) -> bool:
    try:
        offer(data)
    except BlockingIOError:
        # Another process was faster.
        return False
    return True
