import pytest

from relayguard.pipeline.breaker import FAILURES, PAUSE_SECONDS, Breaker


class Watch:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


def opened(watch: Watch) -> Breaker:
    breaker = Breaker(monotonic=watch)
    changes = [breaker.failed() for _ in range(FAILURES)]
    assert changes == [False] * (FAILURES - 1) + [True]
    return breaker


def test_failures_that_do_not_follow_one_another_open_nothing(watch: Watch) -> None:
    breaker = Breaker(monotonic=watch)
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed()
        assert breaker.succeeded() is False
    assert breaker.allows()


def test_a_filter_that_keeps_failing_is_not_called(watch: Watch) -> None:
    breaker = opened(watch)
    assert breaker.is_open
    assert not breaker.allows()


def test_after_a_pause_one_call_tries_and_no_other_beside_it(watch: Watch) -> None:
    breaker = opened(watch)
    watch.seconds += PAUSE_SECONDS
    assert [breaker.allows(), breaker.allows()] == [True, False]


def test_a_try_that_succeeds_closes_the_breaker(watch: Watch) -> None:
    breaker = opened(watch)
    watch.seconds += PAUSE_SECONDS
    breaker.allows()
    assert breaker.succeeded() is True
    assert breaker.allows()


def test_a_try_that_fails_begins_another_pause_and_changes_nothing(watch: Watch) -> None:
    breaker = opened(watch)
    watch.seconds += PAUSE_SECONDS
    breaker.allows()
    assert breaker.failed() is False
    assert not breaker.allows()
    watch.seconds += PAUSE_SECONDS
    assert breaker.allows()
