"""Make bytes from outside safe to show: in a log line, a reply, a comment."""

import re

_UNSAFE = re.compile(r"[^\x20-\x7e]")


def printable(value: str | bytes, limit: int = 256) -> str:
    r"""Return `value` as printable ASCII of at most `limit` characters.

    What is not printable becomes ``?``; what was cut is marked by ``...``.

    >>> printable(b"a\r\nb")
    'a??b'
    """
    # The usual case.
    if len(value) <= limit and isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    # Cut first: the work must not grow with what a stranger sent.
    cut = value[: limit + 1]
    text = cut.decode("latin-1") if isinstance(cut, bytes) else cut
    text = _UNSAFE.sub("?", text)
    return text if len(text) <= limit else text[: max(limit - 3, 0)] + "..."
