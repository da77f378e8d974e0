"""Does to its own process what the subject says: ``loop``, ``grow``."""

import time

from relayguard import Headers, hookimpl

_ballast: list[bytearray] = []


class Unruly:
    """See the module."""

    @hookimpl
    def end_of_headers(self, headers: Headers) -> None:
        subject = headers.first("Subject")
        order = subject.text if subject is not None else ""
        if order == "loop":
            hold_the_loop()
        if order == "grow":
            _ballast.append(bytearray(b"x" * (200 * 1024 * 1024)))


def hold_the_loop() -> None:
    """Hold the event loop for longer than any test lasts."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        pass
