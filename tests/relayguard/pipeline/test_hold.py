import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from relayguard import Stage
from relayguard.pipeline.hold import HOLD_SECONDS, Watchdog
from tests.relayguard.pipeline.rig import Hands, Recorder

T = TypeVar("T")

LONG, SHORT = 2 * HOLD_SECONDS, HOLD_SECONDS / 2


class Watched:
    """A watchdog, its clock, and what it told."""

    def __init__(self) -> None:
        self.hands = Hands()
        self.seen = Recorder()
        self.dog = Watchdog(self.seen, self.hands)

    async def drive(self, coroutine: Coroutine[Any, Any, T]) -> T:
        awaited = coroutine.send(None)
        return await self.dog.drive("mine", Stage.HELO, coroutine, awaited)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(self.drive(coroutine))

    @property
    def held(self) -> list[float]:
        return [seconds for _, _, seconds, _ in self.seen.holds]


def test_who_holds_the_loop_too_long_is_named() -> None:
    watched = Watched()
    started = watched.dog.timer()
    watched.hands.seconds = HOLD_SECONDS
    assert not watched.dog.look("mine", Stage.HELO, started)
    watched.hands.seconds = LONG
    assert watched.dog.look("mine", Stage.HELO, started)
    assert watched.dog.look("mine", Stage.HELO, started, movable=True)
    assert watched.seen.holds == [("mine", Stage.HELO, LONG, False), ("mine", Stage.HELO, LONG, True)]


def test_each_step_between_two_awaits_counts_for_itself_and_waiting_does_not() -> None:
    watched = Watched()

    async def later() -> None:
        watched.hands.seconds += 100

    async def several() -> str:
        await asyncio.create_task(later())
        watched.hands.seconds += LONG
        await asyncio.sleep(0)
        watched.hands.seconds += SHORT
        await asyncio.sleep(0)
        watched.hands.seconds += SHORT
        return "done"

    assert watched.run(several()) == "done"
    assert watched.held == [pytest.approx(LONG)]


def test_a_step_that_ends_in_an_exception_counts_too() -> None:
    watched = Watched()

    async def broken() -> None:
        await asyncio.sleep(0)
        watched.hands.seconds += LONG
        raise ValueError("no disk")

    with pytest.raises(ValueError, match="no disk"):
        watched.run(broken())
    assert watched.held == [pytest.approx(LONG)]


def test_what_an_await_raises_arrives_where_it_was_awaited() -> None:
    async def broken() -> None:
        raise KeyError("lost")

    async def careful() -> str:
        try:
            await asyncio.create_task(broken())
        except KeyError as error:
            return str(error)
        return "nothing was raised"

    assert Watched().run(careful()) == "'lost'"


def test_a_cancellation_arrives_and_may_be_cleaned_up_after() -> None:
    watched = Watched()
    cleaned: list[str] = []

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("yes")

    async def test() -> None:
        task = asyncio.create_task(watched.drive(waiting()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(test())
    assert cleaned == ["yes"]


def test_a_cancellation_that_is_no_cancellation_to_the_coroutine_ends_it_in_peace() -> None:
    watched = Watched()

    async def waiting() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "done"

    async def test() -> str:
        task = asyncio.create_task(watched.drive(waiting()))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(test()) == "done"


def test_a_deadline_of_the_coroutines_own_is_its_own() -> None:
    async def impatient() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            return "gave up"
        return "waited"

    assert Watched().run(impatient()) == "gave up"


def test_a_coroutine_that_nobody_drives_any_more_is_closed() -> None:
    closed: list[str] = []

    async def waiting() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append("yes")

    driven = Watched().drive(waiting())
    driven.send(None)
    driven.close()
    assert closed == ["yes"]
