"""Thinks at the end of each message for longer than the others can wait, and says in which thread."""

import threading
import time
from collections.abc import Iterator

from relayguard import AddHeader, Effect, hookimpl


class Ponderous:
    """As an author writes who does not know better."""

    @hookimpl
    def end_of_message(self) -> Iterator[Effect]:
        time.sleep(0.15)
        yield AddHeader("X-Thread", threading.current_thread().name)
