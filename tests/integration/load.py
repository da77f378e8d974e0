"""Clients that send mail without pause, as MTAs do: who is deferred or cut off tries again, and all is counted."""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Self

from tests.integration.conftest import Relay

_MESSAGE_ID = re.compile(rb"^Message-ID: (<load-\d+@example\.org>)", re.MULTILINE)
_PATIENCE = 60.0
_PAUSE = 0.1
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A session in which a message was not accepted: what the server said, and to which command."""

    message_id: str
    command: str
    said: str


@dataclass
class Load:
    """`clients` that send to `port`, one message a session; a context manager that stops when all is accepted.

    `header` goes into each message.
    """

    port: int
    clients: int = 6
    header: str = ""
    failures: list[Failure] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def sessions(self) -> int:
        """How many sessions have ended."""
        return len(self.accepted) + len(self.failures)

    def await_accepted(self, number: int, seconds: float = 120.0) -> None:
        """Wait until so many more messages were accepted."""
        target = len(self.accepted) + number
        deadline = time.monotonic() + seconds
        while len(self.accepted) < target:
            assert time.monotonic() < deadline, f"{len(self.accepted)} of {target} accepted; {self.failures[-3:]}"
            assert self._thread.is_alive(), f"the load has ended: {self.failures[-3:]}"
            time.sleep(0.02)

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self) -> None:
        for message_id in self._messages():
            deadline = time.monotonic() + _PATIENCE
            while (failure := await self._session(message_id)) is not None:
                self.failures.append(failure)
                assert time.monotonic() < deadline, failure
                await asyncio.sleep(_PAUSE)
            self.accepted.append(message_id)

    def _messages(self) -> Iterator[str]:
        while not self._stop.is_set():
            yield f"<load-{next(_numbers)}@example.org>"

    async def _session(self, message_id: str) -> Failure | None:
        command = "connect"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            return Failure(message_id, command, str(error))
        try:
            for command, line, expected in self._dialogue(message_id):
                if line:
                    writer.write(line)
                said = await _reply(reader)
                if not said.startswith(expected):
                    return Failure(message_id, command, said)
        except OSError as error:
            return Failure(message_id, command, str(error))
        finally:
            writer.close()
        return None

    def _dialogue(self, message_id: str) -> Iterator[tuple[str, bytes, str]]:
        message = (
            f"Message-ID: {message_id}\r\nFrom: a@example.org\r\n{self.header}Subject: load\r\n\r\nhello\r\n.\r\n"
        )
        yield "connect", b"", "220"
        yield "ehlo", b"EHLO client.example\r\n", "250"
        yield "mail", b"MAIL FROM:<a@example.org>\r\n", "250"
        yield "rcpt", b"RCPT TO:<bob@example.com>\r\n", "250"
        yield "data", b"DATA\r\n", "354"
        yield "message", message.encode(), "250"
        yield "quit", b"QUIT\r\n", "221"


async def _reply(reader: asyncio.StreamReader) -> str:
    while True:
        line = await reader.readline()
        if not line:
            return "hung up"
        if line[3:4] != b"-":
            return line.decode().strip()


def arrived(relay: Relay) -> "Counter[str]":
    """Count the messages in the mailbox by Message-ID."""
    found = (_MESSAGE_ID.search(message) for message in relay.postfix.delivered())
    return Counter(match[1].decode() for match in found if match)


@contextmanager
def under_load(relay: Relay, clients: int = 4, header: str = "") -> Iterator[Load]:
    """Send mail all the while; at the end each message that was accepted lies in the mailbox once."""
    with Load(relay.postfix.smtp_port, clients, header) as load:
        load.await_accepted(clients)
        yield load
    expected = Counter(load.accepted)
    deadline = time.monotonic() + 60
    while sum((there := arrived(relay) & Counter(dict.fromkeys(expected, 9))).values()) < len(load.accepted):
        assert time.monotonic() < deadline, f"{len(expected - there)} of {len(expected)} are missing"
        time.sleep(0.2)
    assert there == expected
