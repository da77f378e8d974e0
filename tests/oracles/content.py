"""Header fields and bodies of every shape that mail has, before anyone signs."""

import random

from tests.oracles.mail import Field

_WORDS = (
    "noon",
    "lunch",
    "the",
    "a=b;",
    "Re:",
    "x",
    "\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}",
    "=?utf-8?q?=C3=A9?=",
    ".",
    "--",
    "From",
)
_GAPS = (" ", " ", " ", "  ", "\t", " \t ")
_NAMES = (b"To", b"Cc", b"Date", b"Message-ID", b"Received", b"X-Loop", b"List-Id", b"subject", b"Content-Type")
_LONGEST_GAP = 200
"""dkimpy's work grows with the square of a run of white space: 40 KB of it cost two seconds."""


def some_text(rng: random.Random, words: int) -> bytes:
    """Return words, and white space between them."""
    return "".join(rng.choice(_WORDS) + rng.choice(_GAPS) for _ in range(rng.randint(0, words))).encode()


def some_fields(rng: random.Random) -> list[Field]:
    """Return a header: one From in most, and any number of others."""
    fields = [Field(b"From", b" Alice <alice@example.com>"), Field(b"Subject", _value(rng))]
    if rng.random() < 0.04:
        fields.append(Field(b"FROM", b" bob@example.org"))
    fields += [Field(_name(rng), _value(rng)) for _ in range(rng.randint(0, 7))]
    if rng.random() < 0.02:
        fields.append(Field(b"X-J\xfcnk", _value(rng)))
    if rng.random() < 0.02:
        del fields[0]
    rng.shuffle(fields)
    return fields


def _name(rng: random.Random) -> bytes:
    name = rng.choice(_NAMES)
    # RFC 5322 §4.5: white space before the colon is obsolete.
    return name + rng.choice((b" ", b"\t")) if rng.random() < 0.01 else name


def _value(rng: random.Random) -> bytes:
    def text() -> bytes:
        return some_text(rng, 5)

    shapes = (
        lambda: b" " + text(),
        lambda: b" " + text(),
        text,
        lambda: b"",
        lambda: b" ",
        lambda: b" a\r\n b\r\n\t" + text(),
        lambda: b"\r\n " + text(),
        lambda: b" a \t\r\n \t " + text(),
        lambda: b"\t" + text() + b"\t",
        lambda: b" a\r\n \r\n b",
        lambda: b" \xff\xfe\x80 " + text(),
        lambda: b" " + b"x" * rng.randint(100, 2000),
    )
    if rng.random() < 0.005:
        return b" a\x0bb\x0c"
    return rng.choice(shapes)()


def some_body(rng: random.Random) -> bytes:
    """Return a body: mostly lines that end in CRLF, now and then anything that a milter may see."""
    lines = [_line(rng) for _ in range(rng.choice((0, 1, 2, 3, 8, 30)))]
    body = b"".join(line + b"\r\n" for line in lines)
    if rng.random() < 0.2:
        body += b"".join(rng.choice((b"\r\n", b" \r\n", b"\t \r\n")) for _ in range(rng.randint(1, 6)))
    if rng.random() < 0.04:
        body += some_text(rng, 3)
    return body


def _line(rng: random.Random) -> bytes:
    shapes = (
        lambda: some_text(rng, 12),
        lambda: some_text(rng, 12),
        lambda: some_text(rng, 12),
        lambda: b"",
        lambda: rng.choice((b" ", b"\t")) * rng.randint(1, _LONGEST_GAP) + some_text(rng, 2),
        lambda: b"x" * rng.randint(1, 3000),
        lambda: bytes(rng.choice(range(128, 256)) for _ in range(20)),
    )
    line = rng.choice(shapes)()
    if rng.random() < 0.01:
        line += rng.choice((b"\ra", b"\nb", b"\r", b"\n", b"\n\nc"))
    return line
