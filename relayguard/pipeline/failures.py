"""Why a filter's findings are missing: what it is called, and where it happened, in one line."""

import asyncio
import os
import threading
import traceback
from collections.abc import Iterable

from relayguard.core.results import Failure


class IllegalEffectError(Exception):
    """A filter yielded what it must not yield at this stage."""


class DeadlineError(Exception):
    """A filter was not done when the time of the stage was over; its cause is the cancellation."""

    def __init__(self) -> None:
        super().__init__("it was not done in time")


class NotCalledError(Exception):
    """The breaker is open."""

    def __init__(self) -> None:
        super().__init__("it kept failing, and is not called for a while")


_KINDS: tuple[tuple[type[BaseException], Failure], ...] = (
    (IllegalEffectError, Failure.ILLEGAL),
    (DeadlineError, Failure.TIMEOUT),
    (NotCalledError, Failure.OPEN),
)


def kind_of(error: BaseException) -> Failure:
    """Return the kind of failure that `error` is."""
    return next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), Failure.EXCEPTION)


def describe(error: BaseException) -> str:
    """What a filter raised, and its own frames."""
    # What a deadline interrupted is told by the cancellation behind it.
    behind = error.__cause__ if isinstance(error, DeadlineError) and error.__cause__ is not None else error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    notes: Iterable[str] = getattr(behind, "__notes__", ())
    place = where(traceback.extract_tb(behind.__traceback__))
    return "; ".join([what, *notes]) + (f" ({place})" if place else "")


# Compared as text, for every frame.
_AROUND = (os.path.dirname(__file__), os.path.dirname(asyncio.__file__), threading.__file__)  # noqa: PTH120


def where(frames: Iterable[traceback.FrameSummary]) -> str:
    """The innermost of a filter's own frames, without ours and asyncio's around them."""
    own = [frame for frame in frames if not frame.filename.startswith(_AROUND)][-4:]
    return " > ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in own)
