"""The body of a message, kept for the filters that ask for it: in memory, then in an unlinked file."""

import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

SPOOL_BYTES = 256 * 1024
"""A body larger than this is kept in an unlinked temporary file."""

_CHUNK = 64 * 1024


class Body:
    """A body that can be read as often as needed; lines end as the MTA gave them (CRLF).

    >>> body = Body()
    >>> body.write(b"hello")
    >>> list(body)
    [b'hello']
    """

    __slots__ = ("_file", "size")

    def __init__(self) -> None:
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
        self._file.seek(0, 2)
        self._file.write(chunk)
        self.size += len(chunk)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in chunks of at most 64 KB."""
        position = 0
        while True:
            self._file.seek(position)
            chunk = self._file.read(_CHUNK)
            if not chunk:
                return
            position += len(chunk)
            yield chunk

    def open(self) -> BinaryIO:
        """Return the body as a binary file at its start. Close nothing: the framework does."""
        self._file.seek(0)
        return cast(BinaryIO, self._file)

    def close(self) -> None:
        """Give the memory or the file back. For the framework."""
        self._file.close()

    # Who tests a filter makes bodies by hand and closes none; Python would warn of each.
    __del__ = close
