"""The body of a message, kept for the filters that ask for it: in memory, then in an unlinked file."""

import io
import tempfile
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

SPOOL_BYTES = 256 * 1024
"""A body larger than this is kept in an unlinked temporary file."""

_CHUNK = 64 * 1024


class Body:
    """A body that can be read as often as needed, from any thread; lines end as the MTA gave them (CRLF).

    >>> body = Body()
    >>> body.write(b"hello")
    >>> list(body)
    [b'hello']
    """

    __slots__ = ("_file", "_lock", "size")

    def __init__(self) -> None:
        # A hook in a thread that is late may still read when another does.
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)
        self.size = 0

    @classmethod
    def of(cls, content: bytes) -> "Body":
        """Return a body with this content."""
        body = cls()
        body.write(content)
        return body

    def write(self, chunk: bytes) -> None:
        """Append a chunk. For the framework."""
        with self._lock:
            self._file.seek(0, io.SEEK_END)
            self._file.write(chunk)
        self.size += len(chunk)

    def read_at(self, position: int, size: int) -> bytes:
        """Return at most `size` bytes from `position` on; none at the end."""
        with self._lock:
            self._file.seek(position)
            return self._file.read(size)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in chunks of at most 64 KB."""
        position = 0
        while chunk := self.read_at(position, _CHUNK):
            position += len(chunk)
            yield chunk

    def open(self) -> BinaryIO:
        """Return the body as a binary file at its start, which nobody else reads. It has no file descriptor."""
        return cast(BinaryIO, io.BufferedReader(_Reader(self), _CHUNK))

    def close(self) -> None:
        """Give the memory or the file back. For the framework."""
        self._file.close()

    # Who tests a filter makes bodies by hand and closes none; Python would warn of each.
    __del__ = close


class _Reader(io.RawIOBase):
    """One reader's place in a body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._body.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        chunk = self._body.read_at(self._position, len(buffer))
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)
