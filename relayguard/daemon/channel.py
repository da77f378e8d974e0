"""How the supervisor and a worker talk: short messages over a socket pair, whose end tells of a death."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from enum import StrEnum

Facts = Mapping[str, float | str]

_LONGEST = 65536


class Word(StrEnum):
    """What is said. The first four by a worker, the others by the supervisor."""

    READY = "ready"
    """Everything is built; I wait to be told to serve."""
    FAILED = "failed"
    """I cannot be built, for this ``problem``; I end."""
    BEAT = "beat"
    """My event loop runs. My ``sessions``, ``envelopes``, ``memory`` in bytes, ``cpu`` in seconds."""
    DETACHED = "detached"
    """I accept nothing any more."""
    SERVE = "serve"
    """Accept clients."""
    DRAIN = "drain"
    """Accept nothing more, and end when your sessions have ended, or after so many ``seconds``."""
    STOP = "stop"
    """Accept nothing more, and end when the envelopes in progress have ended, or after so many ``seconds``."""


class Channel:
    """One end of a pair of SOCK_SEQPACKET, on the running event loop. `ended` is called once, when the other side is gone."""

    def __init__(self, end: socket.socket, heard: Callable[[Word, Facts], None], ended: Callable[[], None]) -> None:
        self._end = end
        self._heard = heard
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        end.settimeout(0)
        self._loop.add_reader(end.fileno(), self._read)

    def say(self, word: Word, **facts: float | str) -> None:
        """Send a message. To one who is gone, or too stuck to read, it is lost: his end will be noticed."""
        try:
            self._end.send(json.dumps([word, facts]).encode())
        except OSError:
            # Nothing to add: the death of a process is seen by its end of the channel, its hang by its heartbeat.
            return

    def finish(self) -> None:
        """Hear what was said before the other side died, and hang up."""
        while self._read():
            pass
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._end.fileno() >= 0:
            self._loop.remove_reader(self._end.fileno())
            self._end.close()

    def _read(self) -> bool:
        try:
            message = self._end.recv(_LONGEST)
        except BlockingIOError:
            return False
        except OSError:
            message = b""
        if not message:
            if self._end.fileno() >= 0:
                self.close()
                self._ended()
            return False
        # What was too long for one message is lost; the channel is not.
        with contextlib.suppress(ValueError):
            word, facts = json.loads(message)
            self._heard(Word(word), facts)
        return True
