"""Edits: changes that a filter wants made to the message or its envelope.

A value that could inject a header cannot be built: the constructor raises ValueError.
"""

import re
from dataclasses import dataclass

from relayguard.core.headers import Header

# RFC 5322 §2.2: printable US-ASCII except colon.
_FIELD_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]{1,76}\Z")
# A folded line starts with white space; anything else after a line end would be a header of its own.
_INJECTION = re.compile(r"\r(?!\n)|\n(?![ \t])|\x00")
# libmilter refuses more; RFC 5322 §2.1.1 asks for lines far shorter than that.
_MAX_VALUE = 60_000
# RFC 5321 §4.5.3.1.3 has 256 octets; some addresses of mailing lists (VERP, SRS) are longer.
_MAX_PATH = 512


def _check_value(name: str, value: str) -> None:
    if _INJECTION.search(value) or value.endswith(("\r", "\n")):
        raise ValueError(f"the value of {name} has a line end that does not fold, or a NUL")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise ValueError(f"the value of {name} is not valid Unicode") from None
    if size > _MAX_VALUE:
        raise ValueError(f"the value of {name} is longer than {_MAX_VALUE} bytes")


def _check_header(edit: object, header: object) -> None:
    if not isinstance(header, Header):
        raise TypeError(f"{type(edit).__name__}: {header!r} must be one of the message's own header fields")


def _check_path(path: str) -> None:
    if not isinstance(path, str):
        raise TypeError(f"{path!r} must be an address as str")
    if len(path) > _MAX_PATH:
        raise ValueError(f"an address of {len(path)} characters is longer than {_MAX_PATH}")
    if not path or not path.isascii() or not path.isprintable() or any(c in path for c in "<> "):
        raise ValueError(f"{path!r} is no address: give local@domain, without angle brackets")


@dataclass(frozen=True, slots=True)
class AddHeader:
    r"""Add a header field; `value` without the leading space, folded with ``\n`` and white space.

    With `at_top` it lands above all others, the MTA's own Received included; else at the end.
    """

    name: str
    value: str
    at_top: bool = True

    def __post_init__(self) -> None:
        if not _FIELD_NAME.match(self.name):
            raise ValueError(f"{self.name!r} is no header field name (RFC 5322 §2.2)")
        _check_value(self.name, self.value)


@dataclass(frozen=True, slots=True)
class ChangeHeader:
    """Replace the value of `header`, one of the message's own fields."""

    header: Header
    value: str

    def __post_init__(self) -> None:
        _check_header(self, self.header)
        _check_value(self.header.name, self.value)


@dataclass(frozen=True, slots=True)
class DeleteHeader:
    """Remove `header`, one of the message's own fields."""

    header: Header

    def __post_init__(self) -> None:
        _check_header(self, self.header)


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """Replace the whole body; lines end in CRLF."""

    body: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.body, bytes):
            raise TypeError(f"ReplaceBody: {type(self.body).__name__} must be bytes")


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """Add a recipient to the envelope: ``AddRecipient("archive@example.com")``."""

    address: str

    def __post_init__(self) -> None:
        _check_path(self.address)


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    """Take a recipient off the envelope, as it was given at RCPT TO, without angle brackets."""

    address: str

    def __post_init__(self) -> None:
        _check_path(self.address)


@dataclass(frozen=True, slots=True)
class ChangeSender:
    """Replace the envelope sender; ``""`` is the null sender."""

    address: str

    def __post_init__(self) -> None:
        if self.address != "":
            _check_path(self.address)


HeaderEdit = AddHeader | ChangeHeader | DeleteHeader
EnvelopeEdit = AddRecipient | DeleteRecipient | ChangeSender
Edit = HeaderEdit | EnvelopeEdit | ReplaceBody
