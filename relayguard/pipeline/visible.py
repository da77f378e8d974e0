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


def visible_part(headers: Headers, total: int) -> Headers:
    """Return what filters get to see of a message with `total` fields; not `complete` if something is left out."""
    size = 0
    shown = 0
    for header in headers:
        size += len(header.name) + len(header.value) + 3
        if size > HEADER_BLOCK_BYTES or shown == MAX_FIELDS:
            break
        shown += 1
    return headers if shown == total else Headers(headers[:shown], complete=False)
