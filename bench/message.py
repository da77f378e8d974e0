"""Message texts: what mail of a given size looks like. Everything follows from the random generator given."""

import base64
import random
from collections.abc import Iterable

Fields = list[tuple[str, str]]

_WORDS = [
    "the",
    "of",
    "invoice",
    "payment",
    "quarterly",
    "shipping",
    "order",
    "customer",
    "please",
    "find",
    "attached",
    "report",
    "and",
    "to",
    "in",
    "for",
    "with",
    "meeting",
    "schedule",
    "review",
    "update",
    "account",
    "status",
    "team",
    "project",
    "delivery",
    "confirm",
    "number",
    "reference",
    "thank",
    "you",
    "regards",
    "information",
    "contact",
    "support",
    "service",
    "regarding",
    "following",
    "changes",
    "proposal",
    "draft",
]
_MULTIPART = "This is a multi-part message in MIME format."
_PLAIN = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 7bit", ""]
_ATTACHED = {"75K": 52_000, "1M": 750_000, "50M": 37_000_000}


def body_of(size: str, chance: random.Random) -> tuple[Fields, list[str]]:
    """Return the content's header fields, and the lines of a body, of size 2K, 10K, 75K, 1M or 50M."""
    if size == "2K":
        content = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "7bit")]
        return content, _prose(600, chance)
    boundary = f"=_{chance.getrandbits(64):016x}"
    if size == "10K":
        kind, parts = "alternative", [[*_PLAIN, *_prose(2200, chance)], _html(5200, chance)]
    else:
        kind, parts = "mixed", [[*_PLAIN, *_prose(1800, chance)], _attachment(_ATTACHED[size], chance)]
    lines = [_MULTIPART]
    for part in parts:
        lines += [f"--{boundary}", *part]
    return [("Content-Type", f'multipart/{kind};\r\n boundary="{boundary}"')], [*lines, f"--{boundary}--"]


def subject_of(number: int, chance: random.Random) -> str:
    """Return a subject."""
    first, *rest = (chance.choice(_WORDS) for _ in range(4))
    return f"{first.title()} {rest[0]} {number} - {' '.join(rest[1:])}"


def assembled(fields: Iterable[tuple[str, str]], lines: Iterable[str]) -> bytes:
    """Return the message, with CRLF everywhere."""
    head = [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*head, "", *lines, ""]).encode()


def _prose(size: int, chance: random.Random) -> list[str]:
    lines: list[str] = []
    while size > 0:
        line = ""
        while len(line) < 66:
            line += chance.choice(_WORDS) + " "
        lines.append(line.rstrip())
        size -= len(line) + 1
        if chance.random() < 0.12:
            lines.append("")
    return lines


def _html(size: int, chance: random.Random) -> list[str]:
    head = ["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", ""]
    lines = [f"<p>{line}</p>" for line in _prose(size, chance)]
    return [*head, '<html><body style=3D"font-family:Arial">', *lines, "</body></html>"]


def _attachment(size: int, chance: random.Random) -> list[str]:
    encoded = base64.b64encode(chance.randbytes(size)).decode()
    return [
        'Content-Type: application/pdf; name="report.pdf"',
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="report.pdf"',
        "",
        *(encoded[at : at + 76] for at in range(0, len(encoded), 76)),
    ]
