import asyncio
import traceback

import pytest

from relayguard import Failure
from relayguard.pipeline.failures import DeadlineError, IllegalEffectError, NotCalledError, describe, kind_of, where


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (IllegalEffectError("x"), Failure.ILLEGAL),
        (DeadlineError(), Failure.TIMEOUT),
        (NotCalledError(), Failure.OPEN),
        (ValueError("x"), Failure.EXCEPTION),
        # A filter's own, of a socket perhaps: it says nothing of the stage's time.
        (TimeoutError("x"), Failure.EXCEPTION),
        (SystemExit(3), Failure.EXCEPTION),
    ],
)
def test_the_kind_of_a_failure_follows_from_what_was_raised(error: BaseException, kind: Failure) -> None:
    assert kind_of(error) is kind


def broken() -> None:
    raise ValueError("no disk")


def caught() -> ValueError:
    try:
        broken()
    except ValueError as error:
        return error
    raise AssertionError


def test_a_failure_is_told_with_its_place() -> None:
    told = describe(caught())
    assert told.startswith(f"ValueError: no disk ({__file__}:")
    assert told.endswith(" in broken)")


def test_a_note_on_what_was_raised_is_told_too() -> None:
    error = caught()
    error.add_note("the disk of the cellar")
    assert describe(error).startswith("ValueError: no disk; the disk of the cellar (")


def test_of_a_deadline_it_is_told_what_was_interrupted() -> None:
    behind = asyncio.CancelledError()
    behind.add_note("its thread was busy")
    error = DeadlineError()
    error.__cause__ = behind
    assert describe(error) == "DeadlineError: it was not done in time; its thread was busy"


def test_what_has_no_text_and_no_place_is_told_by_its_name() -> None:
    assert describe(SystemExit()) == "SystemExit"
    assert describe(DeadlineError()) == "DeadlineError: it was not done in time"


def test_the_frames_around_a_filter_are_left_out() -> None:
    frames = [
        traceback.FrameSummary(name, 1, "f", lookup_line=False)
        for name in (asyncio.tasks.__file__, describe.__code__.co_filename, "mine.py", "library.py")
    ]
    assert where(frames) == "mine.py:1 in f > library.py:1 in f"
    assert where(frames[:2]) == ""
