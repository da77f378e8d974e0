"""Counts work without a clock: the calls of Python and of C that a target makes for an input."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from types import FrameType

from tests.fuzz.target import Target

LARGEST = 8 * 1024
"""Most inputs that are counted are no larger; what is linear up to here does not turn quadratic."""


def calls_of(target: Target, given: bytes) -> int:
    """Return how many calls the target makes."""
    count = 0

    def count_calls(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        target.feed(given)
    finally:
        sys.setprofile(before)
    return count


def families(target: Target) -> Iterator[tuple[bytes, bytes]]:
    """Yield hostile beginnings and what is repeated after them: each token, each with the next, alone or after a seed."""
    units = [*target.tokens, *(first + second for first, second in pairwise(target.tokens))]
    for opening in (b"", *target.seeds[:1]):
        for unit in units:
            yield opening, unit


def filled(opening: bytes, unit: bytes, size: int) -> bytes:
    """Return `opening`, and about this many bytes of the same after it."""
    return opening + unit * (size // len(unit))
