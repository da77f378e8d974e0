"""What a filter may ask for. The daemon passes the real services, `relayguard.testing` passes fakes.

A hook that runs in a thread may use all but what is awaited: `cached` and `prefetch`, not `resolve` and `take`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

from relayguard.core.caps import Cap
from relayguard.core.limits import Charge, Limit, Standing

T = TypeVar("T")


class RecordType(StrEnum):
    """The DNS record types that filters ask for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"
    TXT = "TXT"

    # An enum's own is written in Python; a question is looked up a dozen times a message.
    __hash__ = str.__hash__


class Status(StrEnum):
    """What DNS said."""

    FOUND = "found"
    NODATA = "nodata"
    """The name exists, but has no record of this type."""
    NXDOMAIN = "nxdomain"
    TEMPERROR = "temperror"
    """SERVFAIL, a timeout, or an answer that cannot be read: nothing is known."""


class Question(NamedTuple):
    """A DNS question: an absolute name in A-labels and a record type."""

    name: str
    type: RecordType


class MailExchange(NamedTuple):
    """An MX record."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A DNS answer; CNAMEs have been followed. Names are in lower case, without a trailing dot.

    `texts` holds TXT records, the strings of each joined without separator (RFC 7208 §3.3).
    `hosts` holds A and AAAA addresses or PTR names. `expires` is on the resolver's clock.
    """

    status: Status
    texts: tuple[bytes, ...] = ()
    hosts: tuple[str, ...] = ()
    exchanges: tuple[MailExchange, ...] = ()
    reason: str | None = None
    expires: float = 0.0
    _read: "_Reading | None" = field(default=None, init=False, repr=False, compare=False)

    def read(self, reader: Callable[["Answer"], T]) -> T:
        """Return what `reader` makes of this answer; worked out once, and kept for as long as the answer is.

        `reader` is a module's own function, pure, and returns what nobody changes. From any thread.
        """
        reading = self._read
        while reading is not None:
            if reading[0] == reader:
                return cast(T, reading[1])
            reading = reading[2]
        found = reader(self)
        # The one thing of an answer that changes; should two threads do so at once, one of the two is read again.
        object.__setattr__(self, "_read", (reader, found, self._read))
        return found


# A chain, the newest first. Tens of thousands of answers are kept, most read by one reader or by none: a dictionary for
# each would be as large as the answer.
_Reading = tuple[Callable[[Answer], object], object, "_Reading | None"]


class Resolver(Protocol):
    """DNS behind one cache. No method raises: trouble is `Status.TEMPERROR`."""

    def cached(self, question: Question) -> Answer | None:
        """Return the answer at hand, or None; asks nobody. From any thread."""

    async def resolve(self, question: Question) -> Answer:
        """Return the answer, from the cache or from DNS. On the event loop alone."""

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Begin to ask for what is not at hand; nobody waits for the answers. From any thread."""

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """Return all answers; what is not at hand is asked at once, not one after another. On the event loop alone."""


class Clock(Protocol):
    """The time of day, for any thread."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""


class Counter(Protocol):
    """A counter with labels."""

    def add(self, *values: str) -> None:
        """Count one, with a value for each label."""


class NoCounter:
    """A `Counter` that nobody reads."""

    def add(self, *values: str) -> None:
        """See `Counter`."""


class Metrics(Protocol):
    """Counters that a filter may touch, from any thread."""

    def cap_hit(self, cap: Cap) -> None:
        """Count that a message ran into `cap`."""

    def counter(self, name: str, help: str, labels: Mapping[str, Sequence[str]]) -> Counter:  # noqa: A002  # its name everywhere
        """Return a counter of the filter's own, of which each label has one of so many values; for the constructor.

        Nothing that came with a message may be a label. The name begins with ``relayguard_`` and ends with ``_total``.
        """


class Store(Protocol):
    """Counters that all workers of this host share, and perhaps all hosts. No method raises for what may happen to them."""

    def declare(self, limit: Limit, about: Mapping[str, str]) -> None:
        """Say at the start, in the constructor, that `limit` will be counted by.

        `about` says what it is, for ``relayguard limits list``. Raises ValueError if there is another of its name.
        """

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """Count what is charged, all in one step and one round trip, and return how each charge stands.

        The pairs of limit and key must be different. If a `binding` charge is not admitted, none is counted.
        Where the store does not answer, limits are counted by each host, or each worker, on its own.
        """


class Files(Protocol):
    """Files of the operator. A filter reads them through a `relayguard.WatchedFile`."""

    def text(self, path: Path) -> str:
        """Return the text of a file as it was when the configuration was checked; raises ValueError that names it."""


@dataclass(frozen=True, slots=True)
class Services:
    """All services; a filter takes them as ``services`` in its constructor.

    `authserv_id` is our name: in Authentication-Results, and wherever else a filter must say who we are.
    `listeners` are the names of those on which the filter runs.
    """

    resolver: Resolver
    clock: Clock
    metrics: Metrics
    store: Store
    files: Files
    authserv_id: str
    listeners: tuple[str, ...] = ("default",)
