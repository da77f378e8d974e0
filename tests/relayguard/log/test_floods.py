from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

from relayguard.log.floods import Floods, Kind, Limit
from tests.relayguard.pipeline.rig import Hands

FAILED = Kind("filter failed", "spf")


class Flooded:
    """A logger with a limit of two lines in ten seconds, a clock that is set by hand, and what was written."""

    def __init__(self) -> None:
        self.hands = Hands()
        self._captured = CapturingLogger()
        wrapper = structlog.make_filtering_bound_logger("warning")
        plain = structlog.wrap_logger(self._captured, processors=[], wrapper_class=wrapper)
        limit = Limit(Floods(self.hands, lines=2, seconds=10), plain)
        wrapper = structlog.make_filtering_bound_logger("info")
        self.logger = structlog.wrap_logger(self._captured, processors=[limit], wrapper_class=wrapper).bind()

    def written(self) -> list[dict[str, Any]]:
        calls, self._captured.calls = self._captured.calls, []
        return [{key: value for key, value in call.kwargs.items() if value is not None} for call in calls]


@pytest.fixture
def flooded() -> Flooded:
    return Flooded()


def test_some_lines_of_a_kind_are_admitted_in_each_window() -> None:
    hands = Hands()
    floods = Floods(hands, lines=2, seconds=10)
    assert [floods.admits(FAILED) for _ in range(4)] == [True, True, False, False]
    hands.seconds += 9
    assert floods.ended() == []
    assert not floods.admits(FAILED)
    hands.seconds += 1
    assert floods.ended() == [(FAILED, 3)]
    assert floods.ended() == []
    assert floods.admits(FAILED)


def test_a_window_in_which_nothing_was_left_out_is_not_told_of() -> None:
    hands = Hands()
    floods = Floods(hands, lines=2, seconds=10)
    assert floods.admits(FAILED)
    assert not floods.untold
    hands.seconds += 10
    assert floods.ended() == []


def test_a_kind_that_floods_leaves_other_kinds_and_other_filters_alone() -> None:
    floods = Floods(Hands(), lines=1, seconds=10)
    assert floods.admits(FAILED)
    assert not floods.admits(FAILED)
    assert floods.admits(Kind("filter failed", "dkim"))
    assert floods.admits(Kind("milter connection failed", None))


def test_how_many_lines_were_left_out_is_told_when_the_next_of_the_kind_comes(flooded: Flooded) -> None:
    for number in range(5):
        flooded.logger.error("filter failed", filter="spf", number=number)
    assert [line["number"] for line in flooded.written()] == [0, 1]
    flooded.hands.seconds += 10
    flooded.logger.error("filter failed", filter="spf", number=5)
    assert flooded.written() == [
        {"event": "lines left out", "of": "filter failed", "filter": "spf", "count": 3},
        {"event": "filter failed", "filter": "spf", "number": 5},
    ]


def test_how_many_lines_were_left_out_is_told_when_any_line_comes(flooded: Flooded) -> None:
    for _ in range(3):
        flooded.logger.warning("the MTA broke the milter protocol")
    flooded.logger.info("envelope")
    assert [line["event"] for line in flooded.written()][2:] == ["envelope"]
    flooded.hands.seconds += 10
    flooded.logger.info("envelope")
    flooded.logger.info("envelope")
    assert flooded.written() == [
        {"event": "lines left out", "of": "the MTA broke the milter protocol", "count": 1},
        {"event": "envelope"},
        {"event": "envelope"},
    ]


def test_the_line_of_a_decision_is_never_left_out(flooded: Flooded) -> None:
    for _ in range(100):
        flooded.logger.info("envelope")
    assert len(flooded.written()) == 100
