"""Results: what the checks measured. One type for each standard; a filter may declare its own."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from relayguard.core.stages import Stage

R = TypeVar("R", bound="Result")

_KEYWORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?\Z")


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
        words: tuple[object, ...] = (
            self.method,
            self.value,
            *(word for ptype, name, _ in self.properties for word in (ptype, name)),
        )
        for word in words:
            if not isinstance(word, str) or not _KEYWORD.match(word):
                raise ValueError(f"{word!r} is no keyword of Authentication-Results (RFC 8601 §2.2)")
        texts: tuple[object, ...] = (
            self.reason or "",
            self.comment or "",
            *(value for _, _, value in self.properties),
        )
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"{self.method}: {text!r} must be a str")


def _check_texts(result: object, *texts: object) -> None:
    # Later filters trust the standards' types: a wrong one must cost the filter that yields it.
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{type(result).__name__}: its domain and value must be str, not {texts!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The base of every result. Override `reported` to appear in Authentication-Results."""

    def reported(self) -> Reported | None:
        """Return the Authentication-Results entry of this result, or None for none."""
        return None


class SpfValue(StrEnum):
    """RFC 7208 §2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfIdentity(StrEnum):
    """The identity that SPF checked; its value is the property of RFC 8601 §2.7.2."""

    MAIL_FROM = "mailfrom"
    HELO = "helo"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfResult(Result):
    """SPF of one identity (RFC 7208). Only `SpfIdentity.MAIL_FROM` may feed DMARC (RFC 9989 §4.4.2).

    `domain` is the domain that was checked; for the null sender that of HELO (RFC 7208 §2.4).
    """

    value: SpfValue
    identity: SpfIdentity
    domain: str
    identifier: str
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.identity, self.domain, self.identifier)

    def reported(self) -> Reported:
        """``spf=pass smtp.mailfrom=a@example.com``."""
        return Reported("spf", self.value, (("smtp", self.identity, self.identifier),), reason=self.reason)


class DkimValue(StrEnum):
    """RFC 8601 §2.7.1."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimResult(Result):
    """One DKIM signature (RFC 6376), or `DkimValue.NONE` for a message without one.

    `domain` and `selector` are in A-labels, empty where the signature does not tell. `tag` is the start
    of the signature itself, which tells several signatures apart (RFC 6008). `testing` is the key's ``t=y``.
    """

    value: DkimValue
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    tag: str = ""
    testing: bool = False
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.domain, self.selector)

    def reported(self) -> Reported:
        """``dkim=pass header.d=example.com header.s=s1 header.a=rsa-sha256 header.b=AbCdEfGh``."""
        named = (("d", self.domain), ("s", self.selector), ("a", self.algorithm), ("b", self.tag))
        properties = tuple(("header", name, value) for name, value in named if value)
        comment = "testing key" if self.testing else None
        return Reported("dkim", self.value, properties, reason=self.reason, comment=comment)


class DmarcValue(StrEnum):
    """RFC 9989 §9.2."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class DmarcPolicy(StrEnum):
    """What a domain owner asks for (RFC 9989 §4.7)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcResult(Result):
    """DMARC of the author domain (RFC 9989).

    `domain` is the author domain, empty if there is not exactly one. `policy` is the owner's policy after
    ``sp``, ``np`` and ``t``; None where there is no record. `record_domain` is where the record was found.
    """

    value: DmarcValue
    domain: str = ""
    policy: DmarcPolicy | None = None
    record_domain: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.domain)

    def reported(self) -> Reported:
        """``dmarc=fail header.from=example.com policy.dmarc=reject``."""
        properties: list[tuple[str, str, str]] = []
        if self.domain:
            properties.append(("header", "from", self.domain))
        if self.policy is not None:
            properties.append(("policy", "dmarc", self.policy))
        return Reported("dmarc", self.value, tuple(properties), reason=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthResult(Result):
    """The client authenticated itself by SMTP AUTH (RFC 4954). The login stays out of the header."""

    def reported(self) -> Reported:
        """``auth=pass``."""
        return Reported("auth", "pass")


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
        return tuple(result for result in self._found if isinstance(result, kind))

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
