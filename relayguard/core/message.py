"""Messages as a whole: one read from bytes, and one as it will leave."""

import re
from dataclasses import dataclass

from relayguard.core.body import Body
from relayguard.core.headers import Headers

# RFC 5322 §2.2, §4.5.1: white space before the colon is obsolete, but read.
_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Message:
    """Read-only view for the `outgoing` hook: all edits applied, Authentication-Results included."""

    headers: Headers
    body: Body


def split_message(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    r"""Split a message into header fields and body, as an MTA does; lines may end in LF or CRLF.

    A line that is no header field ends the headers, and belongs to the body.

    >>> split_message(b"A: b\n c\n\nhello\n")
    ([('A', b' b\r\n c')], b'hello\r\n')
    """
    text = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    fields: list[tuple[str, list[bytes]]] = []
    position = 0
    while position < len(text):
        end = text.find(b"\r\n", position)
        line, following = (text[position:end], end + 2) if end >= 0 else (text[position:], len(text))
        if not line:
            position = following
            break
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        elif field := _FIELD.match(line):
            fields.append((field[1].decode("ascii"), [field[2]]))
        else:
            break
        position = following
    return [(name, b"\r\n".join(lines)) for name, lines in fields], text[position:]
