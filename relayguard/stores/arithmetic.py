"""What the counters hold, and how a charge is judged by them: pure functions of a state and a time.

`script.lua` says the same in Lua, for there it must be done on the server; a property test compares the two.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import floor, inf, isfinite
from struct import Struct
from typing import NamedTuple

from relayguard.core.limits import Algorithm, Charge, Limit, Standing

EPSILON = 1e-6
"""A double holds the time of day to a quarter of a microsecond."""

SLOTS = 24
"""What came in a slot of a period is forgotten a period after the slot began: whoever sends at nine may do so each day."""

MEMBER = Struct("<8sd")
"""A member of a DISTINCT: its name, and when it was last seen. They are never unpacked all: there may be thousands."""

LEAST_SECONDS = 0.001

STEP_SECONDS = 1.0
"""A clock that is so far behind what it said before was set back. Less is the haste of another process."""


class Rate(NamedTuple):
    """The state of a RATE: `full` is when nothing of it would be used any more (GCRA's theoretical arrival time)."""

    full: float
    span: float
    updated: float


class Window(NamedTuple):
    """The state of a WINDOW: how much was counted in each slot of the period, the oldest first.

    A slot is a `SLOTS`th of the period, and has its number since the epoch.
    """

    slots: tuple[tuple[int, float], ...]
    updated: float
    seconds: float
    amount: float


class Distinct(NamedTuple):
    """The state of a DISTINCT: its members, packed, by when each was last seen, the oldest first."""

    members: bytes
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
    current = floor(now * SLOTS / limit.seconds)
    slots = _slots(state, limit.seconds, current) if state else ()
    used = sum(count for _, count in slots)
    admitted = used + cost <= limit.amount + EPSILON
    if admitted:
        used += cost
        retry_after = 0.0
    else:
        retry_after = _window_wait(limit, cost, slots, used) - now
    left = max(0, int(limit.amount - used + EPSILON))
    kept = Window(_counted(slots, current, cost), now, limit.seconds, limit.amount)
    return Standing(admitted, used / limit.amount, left, retry_after), kept


def _slots(state: Window, seconds: float, current: int) -> tuple[tuple[int, float], ...]:
    """Return the slots that still count. If the period was changed since, all counts from when it was last changed."""
    slots = state.slots
    if state.seconds != seconds:
        living = _slots(state, state.seconds, floor(state.updated * SLOTS / state.seconds))
        slots = ((floor(state.updated * SLOTS / seconds), sum(count for _, count in living)),)
    oldest = current - SLOTS
    return tuple([slot for slot in slots if slot[0] > oldest])


def _counted(slots: tuple[tuple[int, float], ...], current: int, cost: int) -> tuple[tuple[int, float], ...]:
    # A clock that was set back may have left a slot that is yet to come.
    if slots and slots[-1][0] >= current:
        number, count = slots[-1]
        return (*slots[:-1], (number, count + cost))
    return (*slots, (current, float(cost)))


def _window_wait(limit: Limit, cost: int, slots: Sequence[tuple[int, float]], used: float) -> float:
    """Return when so many slots will be forgotten that there is room for `cost`."""
    for number, count in slots:
        used -= count
        if used + cost <= limit.amount + EPSILON:
            return (number + SLOTS) * limit.seconds / SLOTS
    return inf


def _judge_distinct(limit: Limit, member: str, state: Distinct | None, now: float) -> tuple[Standing, State]:
    members = _living(state.members, now - limit.seconds) if state else b""
    name = member_name(member)
    at = _position(members, name)
    size = MEMBER.size
    others = members if at < 0 else members[:at] + members[at + size :]
    used = len(others) // size
    admitted = at >= 0 or used < limit.amount
    retry_after = 0.0
    if admitted:
        used += 1
        # The latest stands last, also where clocks differ a little.
        latest = max(now, _seen(members, len(members) // size - 1)) if members else now
        others += MEMBER.pack(name, latest)
    else:
        retry_after = _seen(members, 0) + limit.seconds - now
    standing = Standing(admitted, used / limit.amount, max(0, limit.amount - used), retry_after)
    return standing, Distinct(others, now, limit.seconds, limit.amount)


def _living(members: bytes, since: float) -> bytes:
    """Return those that were seen later than `since`."""
    first, behind = 0, len(members) // MEMBER.size
    while first < behind:
        middle = (first + behind) // 2
        if _seen(members, middle) > since:
            behind = middle
        else:
            first = middle + 1
    return members[first * MEMBER.size :]


def _seen(members: bytes, number: int) -> float:
    seen: float = MEMBER.unpack_from(members, number * MEMBER.size)[1]
    return seen


def _position(members: bytes, name: bytes) -> int:
    """Return where a member stands, -1 if it does not."""
    at = members.find(name)
    while at >= 0 and at % MEMBER.size:
        at = members.find(name, at + 1)
    return at


def member_name(member: str) -> bytes:
    """Return the 8 octets under which a member is remembered: a set of a thousand must stay small."""
    return blake2b(octets_of(member), digest_size=8).digest()


def octets_of(text: str) -> bytes:
    """Return text as octets, those that were no UTF-8 as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def sound(state: State) -> State | None:
    """Return the state, or None if it holds numbers that nobody can have written: files can be broken."""
    numbers = (state.updated, state.full, state.span) if isinstance(state, Rate) else state[1:]
    if not all(map(isfinite, numbers)) or not numbers[-1] > 0:
        return None
    # A period that is next to nothing has more slots than there are numbers.
    return state if isinstance(state, Rate) or state.seconds >= LEAST_SECONDS else None


def used(state: State, now: float) -> float:
    """Return the used part of the capacity, by the limit under which the counter was last changed."""
    state = rebased(state, now)
    if isinstance(state, Rate):
        return min(1.0, max(0.0, state.full - now) / state.span)
    if isinstance(state, Window):
        current = floor(now * SLOTS / state.seconds)
        return sum(count for _, count in _slots(state, state.seconds, current)) / state.amount
    return len(_living(state.members, now - state.seconds)) // MEMBER.size / state.amount


def expires(state: State) -> float:
    """Return when the state will say nothing any more."""
    if isinstance(state, Rate):
        return state.full
    if isinstance(state, Window):
        return (state.slots[-1][0] + SLOTS) * state.seconds / SLOTS if state.slots else state.updated
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
        earlier = floor(by * SLOTS / state.seconds)
        return state._replace(slots=tuple((number - earlier, count) for number, count in state.slots), updated=now)
    members = b"".join(MEMBER.pack(name, seen - by) for name, seen in MEMBER.iter_unpack(state.members))
    return state._replace(members=members, updated=now)
