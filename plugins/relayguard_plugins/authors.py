"""What the author filter finds, for the filters after it."""

from dataclasses import dataclass

from relayguard import Oddity, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class OddAuthor(Result):
    """What is odd about the author, for filters that look for fraud; it is not reported."""

    oddities: frozenset[Oddity]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralAuthors(Result):
    """The postmaster lets a message with authors of several domains (in A-labels) pass, if each may be evaluated."""

    domains: tuple[str, ...]
