from itertools import pairwise

from relayguard.daemon.restarts import FIRST_DELAY, LONG_LIFE, LONGEST_DELAY, Restarts


def test_the_first_worker_that_dies_is_replaced_at_once() -> None:
    assert Restarts().delay(0.0) == 0.0


def test_the_delay_doubles_with_each_short_life_up_to_its_limit() -> None:
    restarts = Restarts()
    delays = [restarts.delay(0.5) for _ in range(20)]
    assert delays[:2] == [0.0, FIRST_DELAY]
    assert all(after == min(2 * before, LONGEST_DELAY) for before, after in pairwise(delays[1:]))
    assert delays[-1] == LONGEST_DELAY


def test_after_a_long_life_a_worker_is_replaced_at_once_again() -> None:
    restarts = Restarts()
    for _ in range(20):
        restarts.delay(0.0)
    assert restarts.delay(LONG_LIFE) == 0.0
    assert not restarts.at_limit
    assert restarts.delay(0.0) == FIRST_DELAY


def test_the_limit_is_told_when_and_as_long_as_the_delay_is_the_longest() -> None:
    restarts = Restarts()
    assert not restarts.at_limit
    for _ in range(20):
        delay = restarts.delay(0.0)
        assert restarts.at_limit is (delay == LONGEST_DELAY)


def test_one_who_dies_for_ever_is_tried_for_ever() -> None:
    restarts = Restarts()
    assert [restarts.delay(0.0) for _ in range(5000)][-1] == LONGEST_DELAY
