"""Tag lists, the syntax that signatures and keys share (RFC 6376 §3.2)."""

import re

_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*\Z")
_WHITE = b" \t\r\n"
# A tag as almost all are: a value, or nothing, behind which there is no white space.
_PLAIN = re.compile(rb"(?:\A|;)[ \t\r\n]*+([A-Za-z][A-Za-z0-9_]*+)[ \t\r\n]*+=[ \t\r\n]*+([^;]*+)(?<![ \t\r\n])")
MAX_TAGS = 100
"""Honest lists have a dozen; eight thousand empty ones would cost as much as a message."""


class TagError(ValueError):
    """The bytes are no tag list; the message says what is wrong."""


def parse_tags(value: bytes, *, strict: bool = False) -> dict[str, bytes]:
    """Return the tags; values keep their inner white space. Raises TagError. Linear.

    An empty tag between semicolons is tolerated, as by other verifiers, unless `strict`.

    >>> parse_tags(b"v=1; a=rsa-sha256;")
    {'v': b'1', 'a': b'rsa-sha256'}
    """
    return _plain_tags(value) or _tags(value, strict=strict)


def _plain_tags(value: bytes) -> dict[str, bytes] | None:
    """Return the tags if all are plain and different, at the cost of one pass; None if it is not so simple."""
    semicolons = value.count(b";")
    # Before thousands are read for nothing.
    found = _PLAIN.findall(value) if semicolons < MAX_TAGS else ()
    if not found or len(found) != semicolons + (not value.endswith(b";")):
        return None
    tags = {name.decode("ascii"): text for name, text in found}
    return tags if len(tags) == len(found) else None


def _tags(value: bytes, *, strict: bool) -> dict[str, bytes]:
    tags: dict[str, bytes] = {}
    specs = value.split(b";", MAX_TAGS)
    if len(specs) > MAX_TAGS:
        raise TagError("more than 100 tags")
    for position, spec in enumerate(specs, 1):
        name, equals, text = spec.partition(b"=")
        name = name.strip(_WHITE)
        if not equals:
            # RFC 6376 §3.2: a semicolon may end the list, and nothing may stand between two.
            if name or (strict and position < len(specs)):
                raise TagError("a tag has no value")
            continue
        if not _NAME.match(name):
            raise TagError("malformed tag name")
        key = name.decode("ascii")
        # RFC 6376 §3.2: tags with duplicate names MUST NOT occur; the whole list is invalid.
        if key in tags:
            raise TagError(f"duplicate tag {key[:20]}=")
        tags[key] = text.strip(_WHITE)
    return tags


def without_white(value: bytes) -> bytes:
    """Return `value` without any white space."""
    return value.translate(None, _WHITE)


def words(value: bytes) -> list[bytes]:
    """Split a colon-separated list."""
    return [word.strip(_WHITE) for word in value.split(b":")]
