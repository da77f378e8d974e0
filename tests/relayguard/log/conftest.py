"""A socket where journald's would be, and what arrives there."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import open_folder


class Journald:
    """Reads what was sent to `address`, as journald does."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(0)

    def close(self) -> None:
        self._socket.close()

    def entries(self) -> list[dict[str, bytes]]:
        """The entries that have come since this was asked last, by their fields."""
        found = []
        while (data := self._received()) is not None:
            fields = read_entry(data)
            assert len(dict(fields)) == len(fields), "a field came twice"
            found.append(dict(fields))
        return found

    def _received(self) -> bytes | None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
        except BlockingIOError:
            return None
        # "Datagrams with both payload and file descriptors, or datagrams with neither": such are ignored.
        assert bool(data) != bool(descriptors)
        for descriptor in descriptors:
            with os.fdopen(descriptor, "rb") as memory:
                memory.seek(0)
                data = memory.read()
        return data


def read_entry(data: bytes) -> list[tuple[str, bytes]]:
    """Read a datagram by the letter of the protocol."""
    fields = []
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest.startswith(b"\n")
            rest = rest[1:]
        fields.append((name.decode("ascii"), value))
        data = rest
    return fields


@pytest.fixture(scope="module")
def journald() -> Iterator[Journald]:
    with open_folder() as folder:
        listening = Journald(folder / "journal")
        yield listening
        listening.close()
