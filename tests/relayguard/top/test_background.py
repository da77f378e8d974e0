import threading

import pytest

from relayguard.top.background import REST, SHARE, Background


class Worked:
    """Work that is done when a test says so, and takes as long as it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = 0.0
        self.times = 0
        self.may = threading.Event()

    def clock(self) -> float:
        return self.now

    def work(self) -> int:
        assert self.may.wait(30)
        self.now += self.takes
        self.times += 1
        return self.times


@pytest.fixture
def worked() -> Worked:
    return Worked()


def finished(background: Background[int]) -> None:
    assert background._thread is not None
    background._thread.join(30)


def test_nobody_waits_for_what_takes_its_time(worked: Worked) -> None:
    background = Background(worked.work, 0, worked.clock)
    assert [background.latest() for _ in range(3)] == [0, 0, 0]
    worked.may.set()
    finished(background)
    assert (background.latest(), worked.times) == (1, 1)


@pytest.mark.parametrize(("takes", "rests"), [(0.0, REST), (10.0, 10.0 * SHARE)], ids=["a moment", "long"])
def test_it_is_done_anew_after_a_rest_that_is_longer_the_longer_it_took(
    worked: Worked, takes: float, rests: float
) -> None:
    worked.may.set()
    worked.takes = takes
    background = Background(worked.work, 0, worked.clock)
    background.latest()
    finished(background)
    worked.now += rests - 1
    assert background.latest() == 1
    finished(background)
    assert worked.times == 1
    worked.now += 1
    background.latest()
    finished(background)
    assert worked.times == 2
