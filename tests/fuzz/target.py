"""What a fuzz target is: one parser of outside bytes, or a short chain of them as the filters call it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

_CUTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser and what must hold of it: `check` raises if it does not; an input is cut to `cap` bytes first.

    `seeds` are honest, `tokens` are what the syntax is made of. A message brings at most `times` such inputs, which
    share its budget.
    """

    name: str
    check: Callable[[bytes], None]
    cap: int
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    times: int = 1

    def feed(self, given: bytes) -> None:
        """Check one input."""
        self.check(given[: self.cap])


def pieces(given: bytes) -> list[bytes]:
    """Cut an input into pieces at places that follow from its own bytes, so that each input is cut in its own way."""
    samples = given[:: max(1, len(given) // _CUTS)]
    places = {0, len(given), *(sample * (1 + at) % (1 + len(given)) for at, sample in enumerate(samples))}
    return [given[start:end] for start, end in pairwise(sorted(places))]
