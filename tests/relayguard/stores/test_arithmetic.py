from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relayguard.core.limits import Algorithm, Charge, Limit, Standing
from relayguard.stores.arithmetic import State, expires, is_over, judge, settle, used

NOON = 1_795_435_200.0
HOUR = 3600.0

RATE = Limit("rate", Algorithm.RATE, 100, HOUR, 10)
WINDOW = Limit("window", Algorithm.WINDOW, 10, HOUR)
DISTINCT = Limit("distinct", Algorithm.DISTINCT, 10, HOUR)
LIMITS = [RATE, WINDOW, DISTINCT]


class Counter:
    """One counter, and a clock."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.now = NOON
        self.state: State | None = None
        self._members = 0

    def take(self, cost: int = 1, member: str | None = None) -> Standing:
        self._members += 1
        charge = Charge(self.limit, "key", cost, member or f"m{self._members}")
        standing, state = judge(charge, self.state, self.now)
        if standing.admitted:
            self.state = state
        return standing

    def admitted(self, tries: int) -> int:
        return sum(self.take().admitted for _ in range(tries))


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_exactly_the_capacity_is_admitted_at_once(limit: Limit) -> None:
    assert Counter(limit).admitted(50) == 10


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_what_is_refused_is_admitted_when_it_was_told_to_come_back_and_not_before(limit: Limit) -> None:
    counter = Counter(limit)
    counter.admitted(10)
    refused = counter.take()
    assert not refused.admitted
    counter.now += refused.retry_after - 0.01
    assert not counter.take().admitted
    counter.now += 0.02
    assert counter.take().admitted


def test_a_rate_gives_back_little_by_little() -> None:
    counter = Counter(RATE)
    counter.admitted(10)
    counter.now += 5 * 36 + 1
    assert counter.admitted(50) == 5


def test_a_window_never_admits_more_than_it_says_in_23_of_24_parts_of_its_period() -> None:
    counter = Counter(WINDOW)
    counter.now += HOUR / 24 - 1
    assert counter.admitted(50) == 10
    counter.now += HOUR * 23 / 24
    assert counter.admitted(50) == 0
    counter.now += 2
    assert counter.admitted(50) == 10


def test_who_uses_up_a_window_at_the_same_hour_each_day_may_do_so() -> None:
    counter = Counter(Limit("daily", Algorithm.WINDOW, 10, 86400.0))
    for _ in range(5):
        assert counter.admitted(10) == 10
        counter.now += 86400


def test_what_came_at_different_times_is_forgotten_at_different_times() -> None:
    counter = Counter(WINDOW)
    for _ in range(10):
        counter.take()
        counter.now += HOUR / 12
    counter.now += HOUR / 6
    for _ in range(10):
        assert counter.admitted(50) == 1
        counter.now += HOUR / 12


def test_a_member_that_is_known_is_always_admitted() -> None:
    counter = Counter(DISTINCT)
    for number in range(10):
        assert counter.take(member=f"bob{number}").left == 9 - number
    assert counter.take(member="bob3").admitted
    assert not counter.take(member="eve").admitted


def test_members_are_forgotten_one_by_one() -> None:
    counter = Counter(DISTINCT)
    for _ in range(10):
        counter.take()
        counter.now += 60
    counter.now += HOUR - 600 + 150
    assert counter.admitted(50) == 3


@pytest.mark.parametrize("limit", [RATE, WINDOW], ids=lambda limit: limit.name)
def test_what_is_greater_than_the_capacity_is_never_admitted_and_hinders_nothing(limit: Limit) -> None:
    counter = Counter(limit)
    assert counter.take(11) == Standing(admitted=False, used=0.0, left=10, retry_after=inf)
    assert counter.take(10).left == 0


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_clock_that_is_set_back_takes_nothing_and_gives_nothing(limit: Limit) -> None:
    counter = Counter(limit)
    counter.admitted(7)
    counter.now -= 10 * HOUR
    assert counter.state is not None
    assert used(counter.state, counter.now) == pytest.approx(0.7)
    assert counter.admitted(50) == 3
    counter.now += 2 * HOUR
    assert counter.take().admitted


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_that_was_made_smaller_holds_from_now_on_and_for_no_longer_than_it_says(limit: Limit) -> None:
    counter = Counter(limit)
    counter.admitted(10)
    smaller = limit.burst and 2
    counter.limit = Limit(limit.name, limit.algorithm, 2, 60.0, smaller)
    refused = counter.take()
    assert not refused.admitted
    counter.now += refused.retry_after + 61
    assert counter.take().admitted


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_state_is_over_when_it_changes_nothing_any_more(limit: Limit) -> None:
    counter = Counter(limit)
    counter.admitted(10)
    assert counter.state is not None
    assert not is_over(counter.state, NOON)
    counter.now = expires(counter.state) + 0.001
    assert is_over(counter.state, counter.now)
    assert used(counter.state, counter.now) == 0
    assert counter.admitted(50) == 10


def test_of_charges_taken_together_all_are_counted_or_none() -> None:
    few = Limit("few", Algorithm.WINDOW, 1, HOUR)
    charges = [Charge(few, "a"), Charge(WINDOW, "a")]
    _, states = settle(charges, [None, None], NOON)
    standings, after = settle(charges, states, NOON)
    assert [standing.admitted for standing in standings] == [False, True]
    assert after == [None, None]


def test_a_charge_that_is_not_binding_hinders_nothing() -> None:
    few = Limit("few", Algorithm.WINDOW, 1, HOUR)
    charges = [Charge(few, "a", binding=False), Charge(WINDOW, "a")]
    _, states = settle(charges, [None, None], NOON)
    standings, after = settle(charges, states, NOON)
    assert [standing.admitted for standing in standings] == [False, True]
    assert after[0] is None
    assert after[1] is not None
    assert used(after[1], NOON) == pytest.approx(0.2)


def test_a_counter_of_another_algorithm_counts_as_none() -> None:
    _, state = judge(Charge(RATE, "a"), None, NOON)
    assert judge(Charge(WINDOW, "a"), state, NOON)[0].left == 9


@example(RATE, [(0.0, 10), (-1.0, 1)])
@given(
    st.sampled_from(LIMITS),
    st.lists(st.tuples(st.floats(-2 * HOUR, 3 * HOUR), st.integers(1, 12)), max_size=40),
)
def test_whatever_the_clock_does_a_limit_is_kept_and_nobody_waits_for_more_than_two_periods(
    limit: Limit, steps: list[tuple[float, int]]
) -> None:
    counter = Counter(limit)
    for step, cost in steps:
        counter.now += step
        standing = counter.take(cost)
        assert 0 <= standing.used <= 1.0 + 1e-6
        assert standing.left >= 0
        assert standing.admitted or 0 < standing.retry_after <= 2 * HOUR + 1 or standing.retry_after == inf
