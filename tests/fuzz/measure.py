"""Runs one input without instrumentation, and says whether it is a finding."""

import time

from tests.fuzz.budget import budget
from tests.fuzz.target import Target

_ROUNDS = 3


def allowed(target: Target, given: bytes) -> float:
    """Return the seconds of CPU that an input may take: its share of what the message may."""
    return budget(len(given)) / target.times


def spent(target: Target, given: bytes) -> float:
    """Return the seconds of CPU that the target takes for an input; raises what the target raises."""
    started = time.process_time()
    target.feed(given)
    return time.process_time() - started


def replay(target: Target, given: bytes) -> str | None:
    """Return why an input is a finding, None if it is none; raises what the target raises."""
    target.feed(target.seeds[0])
    best = min(spent(target, given) for _ in range(_ROUNDS))
    if best <= allowed(target, given):
        return None
    return f"{1e3 * best:.1f} ms of CPU for {len(given)} bytes, of {1e3 * allowed(target, given):.1f} allowed"
