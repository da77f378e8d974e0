"""What the counters hold, and how a charge is judged by them: pure functions of a state and a time.

`script.lua` says the same in Lua, for there it must be done on the server; a property test compares the two.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import inf
from typing import NamedTuple

from relayguard.core.limits import Algorithm, Charge, Limit, Standing

EPSILON = 1e-6
"""A double holds the time of day to a quarter of a microsecond."""

STEP_SECONDS = 1.0
"""A clock that is so far behind what it said before was set back. Less is the haste of another process."""


class Rate(NamedTuple):
    """The state of a RATE: `full` is when nothing of it would be used any more (GCRA's theoretical arrival time)."""

    full: float
    span: float
    updated: float


class Window(NamedTuple):
    """The state of a WINDOW: the count since `start`, and of the period before it."""

    start: float
    previous: float
    current: float
    updated: float
    seconds: float
    amount: float


class Distinct(NamedTuple):
    """The state of a DISTINCT: its members, and when each was last seen, in that order."""

    members: dict[bytes, float]
    updated: float
    seconds: float
    amount: float


State = Rate | Window | Distinct


def settle(
    charges: Sequence[Charge], states: Sequence[State | None], now: float
) -> tuple[list[Standing], list[State | None]]:
    """Judge charges that are taken together; return how they stand, and for each the state to keep, None for no change.

    The keys must be different. All that can be counted is, unless a binding charge is not admitted.
    """
    judged = [judge(charge, state, now) for charge, state in zip(charges, states, strict=True)]
    standings = [standing for standing, _ in judged]
    if all(standing.admitted or not charge.binding for charge, standing in zip(charges, standings, strict=True)):
        return standings, [state if standing.admitted else None for standing, state in judged]
    return standings, [None] * len(standings)


def judge(charge: Charge, state: State | None, now: float) -> tuple[Standing, State]:
    """Return how a charge stands, and the state if it is counted. A state of another algorithm counts as none."""
    limit = charge.limit
    if state is not None and state.updated > now + STEP_SECONDS:
        state = rebased(state, now)
    if limit.algorithm is Algorithm.RATE:
        return _judge_rate(limit, charge.cost, state if isinstance(state, Rate) else None, now)
    if limit.algorithm is Algorithm.WINDOW:
        return _judge_window(limit, charge.cost, state if isinstance(state, Window) else None, now)
    return _judge_distinct(limit, charge.member, state if isinstance(state, Distinct) else None, now)


def _judge_rate(limit: Limit, cost: int, state: Rate | None, now: float) -> tuple[Standing, State]:
    interval = limit.seconds / limit.amount
    span = interval * limit.burst
    before = now
    if state:
        # The limit may have been changed since: no more than all of its capacity can have been used by then.
        before = max(min(state.full, min(state.updated, now) + span), now)
    after = before + cost * interval
    wait = after - now - span
    admitted = wait <= EPSILON
    used = (after if admitted else before) - now
    standing = Standing(
        admitted,
        used / span,
        int((span - used + EPSILON) / interval),
        0.0 if admitted else wait if cost <= limit.burst else inf,
    )
    return standing, Rate(after, span, now)


def _judge_window(limit: Limit, cost: int, state: Window | None, now: float) -> tuple[Standing, State]:
    start, previous, current = _advance(state, limit.seconds, now) if state else (now, 0.0, 0.0)
    reaching = previous * (1.0 - (now - start) / limit.seconds)
    used = reaching + current
    admitted = used + cost <= limit.amount + EPSILON
    if admitted:
        used += cost
        retry_after = 0.0
    else:
        retry_after = _window_wait(limit, cost, start, previous, current, now)
    left = max(0, int(limit.amount - used + EPSILON))
    kept = Window(start, previous, current + cost, now, limit.seconds, limit.amount)
    return Standing(admitted, used / limit.amount, left, retry_after), kept


def _advance(state: Window, seconds: float, now: float) -> tuple[float, float, float]:
    """Return start, previous and current of the period that `now` is in."""
    start = min(state.start, now)
    passed = int((now - start) / seconds)
    if not passed:
        return start, state.previous, state.current
    return start + passed * seconds, state.current if passed == 1 else 0.0, 0.0


def _window_wait(limit: Limit, cost: int, start: float, previous: float, current: float, now: float) -> float:
    """Return the seconds until what still reaches into the period leaves room for `cost`."""
    if cost > limit.amount:
        return inf
    room = limit.amount - cost
    if current > room:
        # Not in this period; in the next one, what is now the current count is the previous one.
        start, previous, current = start + limit.seconds, current, 0.0
    return start + limit.seconds * (1.0 - (room - current) / previous) - now if previous else start - now


def _judge_distinct(limit: Limit, member: str, state: Distinct | None, now: float) -> tuple[Standing, State]:
    members = _living(state, limit.seconds, now) if state else {}
    name = member_name(member)
    known = members.pop(name, None) is not None
    admitted = known or len(members) < limit.amount
    retry_after = 0.0
    if admitted:
        # The latest stands last.
        members[name] = now
    else:
        retry_after = min(members.values()) + limit.seconds - now
    used = len(members)
    standing = Standing(admitted, used / limit.amount, max(0, limit.amount - used), retry_after)
    return standing, Distinct(members, now, limit.seconds, limit.amount)


def _living(state: Distinct, seconds: float, now: float) -> dict[bytes, float]:
    return {name: seen for name, seen in state.members.items() if seen > now - seconds}


def member_name(member: str) -> bytes:
    """Return the 8 octets under which a member is remembered: a set of a thousand must stay small."""
    return blake2b(member.encode("utf-8", "surrogateescape"), digest_size=8).digest()


def used(state: State, now: float) -> float:
    """Return the used part of the capacity, by the limit under which the counter was last changed."""
    state = rebased(state, now)
    if isinstance(state, Rate):
        return min(1.0, max(0.0, state.full - now) / state.span)
    if isinstance(state, Window):
        start, previous, current = _advance(state, state.seconds, now)
        return (previous * (1.0 - (now - start) / state.seconds) + current) / state.amount
    return len(_living(state, state.seconds, now)) / state.amount


def expires(state: State) -> float:
    """Return when the state will say nothing any more."""
    if isinstance(state, Rate):
        return state.full
    if isinstance(state, Window):
        return state.start + 2 * state.seconds
    return state.updated + state.seconds


def is_over(state: State, now: float) -> bool:
    """Tell whether the state says nothing any more."""
    return expires(rebased(state, now)) < now


def rebased(state: State, now: float) -> State:
    """Return the state on the clock as it goes now: set back, it takes along what was told by it before."""
    if state.updated <= now + STEP_SECONDS:
        return state
    by = state.updated - now
    if isinstance(state, Rate):
        return state._replace(full=state.full - by, updated=now)
    if isinstance(state, Window):
        return state._replace(start=state.start - by, updated=now)
    return state._replace(members={name: seen - by for name, seen in state.members.items()}, updated=now)
