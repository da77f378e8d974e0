"""Stands between an MTA and the daemon, and writes down what each says."""

import re
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from relayguard.milter.protocol import Command, Negotiation, PacketReader, Response, macro_lists
from relayguard.testing.daemon import connect

Said = tuple[str, bytes]


class Conversation:
    """One milter connection: what the MTA said, and what the milter said, in their order."""

    def __init__(self) -> None:
        self.mta: list[Said] = []
        self.milter: list[Said] = []
        self.ended = False

    def is_of(self, client: bytes) -> bool:
        """Whether it was about the client with this address: an MTA may be asked whether it lives, too."""
        return any(name == "CONNECT" and b"%s\0" % client in data for name, data in self.mta)


class Recorder:
    """A proxy for the daemon at `address`; a context manager. MTAs connect to its own `address`."""

    def __init__(self, address: str) -> None:
        self._behind = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Semaphore(0)
        self.address = f"inet:127.0.0.1:{self._listener.getsockname()[1]}"
        self.conversations: list[Conversation] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def await_ended(self, count: int, client: bytes) -> list[Conversation]:
        """Wait until so many connections for a client have ended, and return them in the order of their beginning."""
        while len(ended := [each for each in self.conversations if each.ended and each.is_of(client)]) < count:
            assert self._ended.acquire(timeout=60)
        return ended

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(accepted,), daemon=True).start()

    def _carry(self, mta: socket.socket) -> None:
        conversation = Conversation()
        self.conversations.append(conversation)
        with mta, connect(self._behind, 60) as milter:
            back = threading.Thread(
                target=_pass_on,
                args=(milter, mta, lambda kind, data: _note(conversation.milter, Response, kind, data)),
            )
            back.start()
            _pass_on(mta, milter, lambda kind, data: _note(conversation.mta, Command, kind, data))
            back.join()
        conversation.ended = True
        self._ended.release()


def _pass_on(source: socket.socket, target: socket.socket, note: Callable[[int, bytes], None]) -> None:
    reader = PacketReader()
    with suppress(OSError):
        while data := source.recv(65536):
            for kind, rest in reader.feed(data):
                note(kind, rest)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _note(said: list[Said], names: type[Command] | type[Response], kind: int, data: bytes) -> None:
    name = names(bytes((kind,))).name
    if name != "PROGRESS":
        said.append((name, data))


def comparable(said: Iterable[Said]) -> list[tuple[str, object]]:
    """Return what was said with what differs between two runs made alike: queue ids, ports, the order of macro lists."""
    ids: dict[bytes, bytes] = {}

    def renamed(match: re.Match[bytes]) -> bytes:
        return match[1] + ids.setdefault(match[2], b"Q%d" % (len(ids) + 1)) + b"\0"

    alike: list[tuple[str, object]] = []
    for name, data in said:
        if name == "NEGOTIATE":
            alike.append((name, (Negotiation.decode(data), macro_lists(data[12:]))))
        elif name == "CONNECT":
            alike.append((name, re.sub(rb"(?s)(\0[46]).{2}", rb"\1??", data)))
        else:
            without_port = re.sub(rb"(\{client_port\}\0)[0-9]+", rb"\1?", data)
            alike.append((name, re.sub(rb"((?:^[A-Z]|\0)i\0)([^\0]+)\0", renamed, without_port)))
    return alike
