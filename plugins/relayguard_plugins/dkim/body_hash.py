"""Canonicalises and hashes a body as it streams (RFC 6376 §3.4): linear, in constant memory, any chunking.

Runs of blank lines at the end are counted, not carried: they count only if something follows.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relayguard import Slot, Slots

_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_BLOCK = 32 * 1024
_BLANK_LINES = b"\r\n" * _BLOCK
_RUN = re.compile(rb"  +")
_THICK = 32
"""Octets for each run of spaces: where there are fewer, they stand thick."""
_RUNS = (b" " * 64, b"  ")


@dataclass(frozen=True, slots=True)
class HashedBody:
    """The canonical body: its SHA-256 hash, its length in octets, and the hashes of its beginnings, by length."""

    digest: bytes
    length: int
    beginnings: Mapping[int, bytes]


class BodyHash:
    r"""The running hash of one canonicalization, ``relaxed`` or simple.

    On the way it notes the hashes of the first octets, as many as each of `lengths` says (``l=`` of a signature).

    >>> body = BodyHash(relaxed=True)
    >>> body.feed(b"a  b \r\n\r\n")
    >>> body.finish().length
    5
    """

    __slots__ = (
        "_beginnings",
        "_blank_lines",
        "_finished",
        "_hash",
        "_held",
        "_length",
        "_lengths",
        "_relaxed",
        "_thick",
    )

    def __init__(self, *, relaxed: bool, lengths: Iterable[int] = ()) -> None:
        self._relaxed = relaxed
        self._lengths = sorted(set(lengths), reverse=True)
        self._beginnings: dict[int, bytes] = {}
        self._hash = hashlib.sha256()
        self._length = 0
        self._blank_lines = 0
        self._held = b""
        self._thick = False
        self._finished: HashedBody | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk of the body."""
        if self._held:
            chunk = self._held + chunk
            self._held = b""
        if self._relaxed:
            chunk = self._collapse(chunk)
        # The end of a chunk is undecided as long as it may be the start of a line end.
        kept = len(chunk)
        if chunk.endswith(b"\r"):
            kept -= 1
        if self._relaxed and chunk.endswith(b" ", 0, kept):
            kept -= 1
        if kept < len(chunk):
            self._held = chunk[kept:]
            chunk = chunk[:kept]
        blank_lines = _lines_at_end(chunk)
        content = chunk[: len(chunk) - 2 * blank_lines] if blank_lines else chunk
        if content:
            self._write(content)
        self._blank_lines += blank_lines

    def finish(self) -> HashedBody:
        """Return the hash of the whole body; there must be no more to feed."""
        if self._finished is None:
            if self._held.endswith(b"\r"):
                self._write(self._held)
            # RFC 6376 §3.4.3, §3.4.4: a body ends with one CRLF; an empty one is CRLF if simple, else empty.
            if self._length or not self._relaxed:
                self._update(b"\r\n")
            self._finished = HashedBody(self._hash.digest(), self._length, self._beginnings)
        return self._finished

    def _collapse(self, chunk: bytes) -> bytes:
        """RFC 6376 §3.4.4: runs of white space become one space, and none stands at the end of a line."""
        if b"\t" in chunk:
            chunk = chunk.translate(_TAB_TO_SPACE)
        first = chunk.find(b" ")
        if first < 0:
            return chunk
        # Most of a large body is base64 and has no space; to look for two takes far longer than to look for one.
        last = chunk.rfind(b" ") + 1
        spaced = chunk[first : last + 2]
        if b"  " in spaced:
            spaced = self._shorten(spaced)
        return chunk[:first] + spaced.replace(b" \r\n", b"\r\n") + chunk[last + 2 :]

    def _shorten(self, chunk: bytes) -> bytes:
        # Honest text has few runs, so one pass that stops at each is best. Where they stand thick it is the worst.
        found = most = len(chunk) // _THICK + 1
        if not self._thick:
            chunk, found = _RUN.subn(b" ", chunk, most)
        self._thick = found == most
        return shorten(chunk) if self._thick else chunk

    def _write(self, content: bytes) -> None:
        while self._blank_lines:
            block = min(self._blank_lines, _BLOCK)
            self._update(_BLANK_LINES[: 2 * block])
            self._blank_lines -= block
        self._update(content)

    def _update(self, content: bytes) -> None:
        while self._lengths and self._lengths[-1] <= self._length + len(content):
            length = self._lengths.pop()
            beginning = self._hash.copy()
            beginning.update(content[: length - self._length])
            self._beginnings[length] = beginning.digest()
        self._hash.update(content)
        self._length += len(content)


def shorten(chunk: bytes) -> bytes:
    """Make each run of spaces one space, however thick they stand."""
    # Each pass shortens every run to a fraction, so one of n takes log n passes. Long runs go first, for a replacement
    # costs the same whatever its length. To look for them costs little: the longer, the quicker they are missed.
    for run in _RUNS:
        while run in chunk:
            chunk = chunk.replace(run, b" ")
    return chunk


def _lines_at_end(chunk: bytes) -> int:
    """Return how many line ends stand at the end; compared in blocks that halve, for byte by byte is slow."""
    if not chunk.endswith(b"\r\n\r\n"):
        return int(chunk.endswith(b"\r\n"))
    lines, block = 0, _BLOCK
    while block:
        if chunk.endswith(_BLANK_LINES[: 2 * block], 0, len(chunk) - 2 * lines):
            lines += block
        else:
            block //= 2
    return lines


_BODIES: Slot[dict[bool, BodyHash]] = Slot("body hashes")


def share(slots: Slots, bodies: dict[bool, BodyHash]) -> None:
    """Let later filters use the hashes of this body, by whether they are relaxed: it is hashed once for all."""
    slots.put(_BODIES, bodies)


def shared(slots: Slots) -> Mapping[bool, BodyHash]:
    """Return the hashes that another filter has begun."""
    return slots.get(_BODIES) or {}
