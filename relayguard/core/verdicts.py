"""Verdicts: what a filter wants done with a recipient or a message, and which of several holds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from relayguard.core.text import printable

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}\Z")
# RFC 5321 §4.5.3.1.5: a reply line is at most 512 octets, with code, enhanced code and CRLF.
_MAX_LINE = 480
# libmilter takes at most 32 lines.
_MAX_LINES = 32


def _check_text(verdict: object, text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{type(verdict).__name__}: {text!r} must be a str")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """A verdict that answers the client with a reply of its own (RFC 5321 §4.2, RFC 3463)."""

    text: str
    code: int
    enhanced: str
    family: ClassVar[int]

    def __post_init__(self) -> None:
        _check_text(self, self.text)
        family = self.family
        if self.code // 100 != family:
            raise ValueError(f"{type(self).__name__}: code {self.code} must be {family}00 to {family}99")
        if not _ENHANCED.match(self.enhanced) or not self.enhanced.startswith(f"{family}."):
            raise ValueError(f"{type(self).__name__}: enhanced code {self.enhanced!r} must be {family}.X.Y")

    def lines(self) -> tuple[str, ...]:
        """The text as lines of printable ASCII, whatever it contains: safe to send."""
        lines = self.text.split("\n", _MAX_LINES)[:_MAX_LINES]
        return tuple(printable(line.rstrip("\r"), _MAX_LINE) for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(_Refusal):
    """Refuse for good: 5xx. ``Reject(text="No such list", code=550, enhanced="5.1.1")``."""

    text: str = "Message refused"
    code: int = 550
    enhanced: str = "5.7.1"
    family: ClassVar[int] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer(_Refusal):
    """Ask the client to try again later: 4xx."""

    text: str = "Please try again later"
    code: int = 451
    enhanced: str = "4.7.1"
    family: ClassVar[int] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Accept the message and hold it for the postmaster; `reason` is shown in the MTA's queue."""

    reason: str = "quarantined by policy"

    def __post_init__(self) -> None:
        _check_text(self, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Accept the message and drop it silently. The sender is not told: prefer `Reject`."""

    reason: str = "discarded by policy"

    def __post_init__(self) -> None:
        _check_text(self, self.reason)


Verdict = Reject | Defer | Quarantine | Discard

STRENGTH: dict[type[Verdict], int] = {Reject: 4, Defer: 3, Quarantine: 2, Discard: 1}
"""Of several verdicts the strongest holds."""


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict and the name of the filter that gave it."""

    filter: str
    verdict: Verdict


def strongest(given: Sequence[Given]) -> Given | None:
    """Return the verdict that holds; among equals, that of the earliest filter."""
    if not given:
        return None
    return max(given, key=lambda item: STRENGTH[type(item.verdict)])
