"""Limits on how often something may happen, what is charged against them, and how they stand."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple


class Algorithm(StrEnum):
    """How a limit counts."""

    RATE = "rate"
    """An even flow with room for a burst: GCRA, the generic cell rate algorithm (ITU-T I.371)."""
    WINDOW = "window"
    """So many in a period, which is counted in 24 slots: what came in one is forgotten a period after it began."""
    DISTINCT = "distinct"
    """So many different members in any period, each counted once."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` in each `seconds`; a RATE lets `burst` of them come at once.

    `name` tells limits apart: it is a label of metrics, and a part of the key under which a counter is kept.
    """

    name: str
    algorithm: Algorithm
    amount: int
    seconds: float
    burst: int = 0

    def __post_init__(self) -> None:
        if self.amount < 1 or self.seconds <= 0:
            raise ValueError(f"{self.name}: a limit lets at least 1 pass, in more than no time")
        if (self.burst < 1) is (self.algorithm is Algorithm.RATE):
            raise ValueError(f"{self.name}: a rate has a burst of at least 1, and nothing else has one")

    @property
    def capacity(self) -> int:
        """How much is admitted at once, when nothing was before."""
        return self.burst or self.amount

    def divided(self, shares: int, cost: int = 1) -> "Limit":
        """Return the share of this limit that each of so many has, who count apart.

        What costs so much, and is within the whole limit, is within a share: else it could never pass.
        """
        if shares <= 1:
            return self
        least = min(max(cost, 1), self.capacity)
        # A flow slower than 1 in a period is one in a longer one.
        slower = max(1.0, shares / self.amount) if self.burst else 1.0
        return replace(
            self,
            amount=max(1 if self.burst else least, self.amount // shares),
            seconds=self.seconds * slower,
            burst=max(least, self.burst // shares) if self.burst else 0,
        )


class Charge(NamedTuple):
    """What is to be counted: `cost` against the counter that `limit` has for `key`.

    `member` is what a DISTINCT limit tells apart. If a charge that is `binding` is not admitted, none of those
    taken together with it is counted; one that is not binding is told how it stands, and hinders nothing.
    """

    limit: Limit
    key: str
    cost: int = 1
    member: str = ""
    binding: bool = True


class Standing(NamedTuple):
    """How a charge stands. `used` is the used part of the capacity, from 0 to 1, and `left` what is left of it.

    `retry_after` is in seconds: when a charge that was not admitted will be, if nothing else comes;
    ``inf`` if it is greater than the limit ever admits.
    """

    admitted: bool
    used: float
    left: int
    retry_after: float = 0.0
