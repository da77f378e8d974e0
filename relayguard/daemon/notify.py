"""Tells systemd how the daemon is doing: sd_notify(3) and the watchdog, in a few lines of our own.

Nothing here may fail: a daemon without systemd, or with one that is busy, filters mail all the same.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress

SEND_SECONDS = 1.0
"""A service manager whose queue is full is waited for so long, and no longer."""

STATUS_LENGTH = 512
"""systemd drops what is longer than a page, whole; and `systemctl status` shows one line."""


class Notifier:
    """Sends the state of this process to the socket at `address`, the value of $NOTIFY_SOCKET.

    Without an address (None or empty: not started by systemd) every method does nothing. None of them raises.
    """

    def __init__(self, address: str | None) -> None:
        # "@" stands for the NUL that begins an abstract address.
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    def ready(self, status: str) -> None:
        """Say that start-up, or a reload, is over: systemd starts what waits for us."""
        self._send("READY=1", _status(status))

    def reloading(self, status: str) -> None:
        """Say that the configuration is being loaded again; `ready` must follow, whatever comes of it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", _status(status))

    def stopping(self) -> None:
        """Say that the daemon has begun to stop."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(_status(text))

    def watchdog(self) -> None:
        """Say that we are alive: due at least every `watchdog_seconds`, so better twice as often."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for `seconds` from now on to start, reload or stop, even past the limit that the unit sets."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A socket that is gone or full costs systemd the news, and must not cost anybody their mail. Saying so
        # in the log would repeat it with every watchdog; systemd itself reports what it missed.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
            opened.settimeout(SEND_SECONDS)
            opened.connect(self._address)
            opened.send("\n".join(lines).encode())


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """Return how often the process `pid` must call `Notifier.watchdog`; None if nobody expects it."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    # Without WATCHDOG_PID it is for whoever reads it; with another's, we inherited what was not for us.
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    if not (microseconds.isascii() and microseconds.isdigit()) or not int(microseconds):
        return None
    return int(microseconds) / 1_000_000


def _status(text: str) -> str:
    """Make one line of `text`: a line of its own would be another assignment."""
    line = " ".join(text.split())[:STATUS_LENGTH]
    return "STATUS=" + "".join(character if character.isprintable() else "?" for character in line)
