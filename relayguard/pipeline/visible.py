"""How much of a header block is looked at: enough for any honest message, and no more than can be paid for."""

from collections.abc import Sequence

from relayguard.core.headers import Header, Headers
from relayguard.pipeline.forged import NamePattern, is_strippable

HEADER_BLOCK_BYTES = 256 * 1024
MAX_FIELDS = 5000
"""Filters see no more of the header block than this."""

MAX_TOTAL = 20_000
"""A message with more fields than this is refused, unless it comes from this host or a relay of ours: nobody honest sends it."""

LEFT_OUT = ("", b"")
"""Stands in the place of a field beyond `MAX_FIELDS` that nobody will look at."""


def fields_of(pairs: Sequence[tuple[str, bytes]], pattern: NamePattern | None) -> Headers:
    """Return the fields of a message; of those beyond `MAX_FIELDS` only what may have to be stripped."""
    if len(pairs) <= MAX_FIELDS:
        return Headers.of(*pairs)
    return Headers(
        Header(name, value, position)
        for position, (name, value) in enumerate(pairs)
        if position < MAX_FIELDS or is_strippable(name, pattern)
    )


def block_size(pairs: Sequence[tuple[str, bytes]]) -> int:
    """Return how many octets the fields have, their colons and line ends among them."""
    names = [name for name, _ in pairs]
    values = [value for _, value in pairs]
    return sum(map(len, names)) + sum(map(len, values)) + 3 * len(pairs)


def visible_part(headers: Headers, total: int, size: int) -> Headers:
    """Return what filters get to see of a message with `total` fields; not `complete` if something is left out.

    `size` is that of the block, as `block_size` tells.
    """
    if len(headers) == total <= MAX_FIELDS and size <= HEADER_BLOCK_BYTES:
        return headers
    left, shown = HEADER_BLOCK_BYTES, 0
    for header in headers:
        left -= len(header.name) + len(header.value) + 3
        if left < 0 or shown == MAX_FIELDS:
            break
        shown += 1
    return Headers(headers[:shown], complete=False)
