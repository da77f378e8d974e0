"""Results: what the checks measured. The standards' own types are in `standards`; a filter may declare its own."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from relayguard.core.stages import Stage

R = TypeVar("R", bound="Result")

_KEYWORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?\Z")
# The words of the standards' own results need not be looked at again for each message.
_USUAL = (
    frozenset({"spf", "dkim", "dmarc", "arc", "iprev", "auth"})
    | {"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"}
    | {"smtp", "mailfrom", "helo", "header", "d", "s", "a", "b", "from"}
)


@dataclass(frozen=True, slots=True)
class Reported:
    """One entry of an Authentication-Results header (RFC 8601 §2.2), before it is made safe.

    `properties` are ``(ptype, property, value)``, such as ``("smtp", "mailfrom", "a@example.com")``.
    """

    method: str
    value: str
    properties: tuple[tuple[str, str, str], ...] = ()
    reason: str | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        # Checked, for a filter of somebody's may not be: a number among them must cost that filter alone.
        words: list[object] = [self.method, self.value]
        texts: list[object] = [self.reason or "", self.comment or ""]
        for ptype, name, text in self.properties:
            words += (ptype, name)
            texts.append(text)
        for word in words:
            if not (isinstance(word, str) and (word in _USUAL or _KEYWORD.match(word))):
                raise ValueError(f"{word!r} is no keyword of Authentication-Results (RFC 8601 §2.2)")
        for each in texts:
            if not isinstance(each, str):
                raise TypeError(f"{self.method}: {each!r} must be a str")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The base of every result. Override `reported` to appear in Authentication-Results."""

    def reported(self) -> Reported | None:
        """Return the Authentication-Results entry of this result, or None for none."""
        return None

    def noted(self) -> str | None:
        """Return what the log line of the envelope is to say beside what is reported, in plain ASCII; None for nothing."""
        return None


class Failure(StrEnum):
    """Why a filter's findings of a stage are missing."""

    EXCEPTION = "exception"
    """The filter raised."""
    ILLEGAL = "illegal"
    """The filter yielded what it must not yield at this stage."""
    TIMEOUT = "timeout"
    """The filter took longer than the stage allows."""
    OPEN = "open"
    """The filter kept failing, and is not called for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Result):
    """A filter lost its findings of a stage. Who needed them must treat this as a temporary error."""

    filter: str
    stage: Stage
    kind: Failure


class Results:
    """The results so far, in the order in which they were found.

    >>> results = Results([AuthResult()])
    >>> results.of(AuthResult)
    (AuthResult(),)
    """

    __slots__ = ("_found",)

    def __init__(self, found: Iterable[Result] = ()) -> None:
        self._found = list(found)

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the results of one type."""
        return tuple([result for result in self._found if isinstance(result, kind)])

    def failed(self, filter_name: str) -> bool:
        """Tell whether the filter called `filter_name` lost findings on this envelope."""
        return any(failure.filter == filter_name for failure in self.of(Failed))

    def add(self, results: Iterable[Result]) -> None:
        """Append `results`. For the framework: a filter yields what it found."""
        self._found.extend(results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
