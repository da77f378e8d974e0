import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from relayguard import AuthResult, Effect, Failure, Result, Session, Stage, hookimpl
from relayguard.pipeline.caller import Caller
from relayguard.pipeline.failures import DeadlineError, IllegalEffectError, describe, kind_of
from relayguard.pipeline.hold import HOLD_SECONDS, Watchdog
from relayguard.pipeline.threads import Threads
from relayguard.testing import a_session
from tests.relayguard.pipeline.rig import Hands, Recorder, filters_of


class Where(Result):
    """Where a hook ran."""

    def __init__(self) -> None:
        object.__setattr__(self, "thread", threading.current_thread().name)

    thread: str = ""


class Calls:
    """A caller of the hook `helo` of a filter, its clock, and what was told."""

    def __init__(self, instance: object, hands: Hands | None = None) -> None:
        (each,) = filters_of(instance)
        self.seen = Recorder()
        self.threads = Threads(each.name, 2)
        self.watchdog = Watchdog(self.seen, hands or Hands())
        self.caller = Caller(each, Stage.HELO, self.threads, self.watchdog)

    def begin(self) -> Any:
        return self.caller.begin({"session": a_session()}, self.watchdog.timer())

    async def call(self, seconds: float = 60) -> tuple[Effect, ...]:
        deadline = asyncio.get_running_loop().time() + seconds
        begun = self.begin()
        return begun if isinstance(begun, tuple) else await self.caller.finish(begun, deadline)

    async def thread(self) -> str:
        """The thread in which the hook runs now."""
        (effect,) = await self.call()
        assert isinstance(effect, Where)
        return effect.thread


class Plain:
    def __init__(self, hands: Hands, *holds: float) -> None:
        self._hands = hands
        self._holds = list(holds)

    @hookimpl
    def helo(self, session: Session) -> Iterator[Effect]:
        if self._holds:
            self._hands.seconds += self._holds.pop(0)
        yield Where()


class Blocking(Plain):
    blocking = True


def test_a_plain_hook_runs_on_the_loop() -> None:
    async def test() -> str:
        return await Calls(Plain(Hands())).thread()

    assert asyncio.run(test()) == threading.current_thread().name


def test_the_hooks_of_a_filter_that_blocks_run_in_its_own_threads() -> None:
    async def test() -> str:
        return await Calls(Blocking(Hands())).thread()

    assert asyncio.run(test()) == "blocking-1"


def test_a_plain_hook_that_held_the_loop_runs_in_threads_from_then_on() -> None:
    async def test() -> None:
        hands = Hands()
        calls = Calls(Plain(hands, HOLD_SECONDS / 2, 3 * HOLD_SECONDS), hands)
        here = threading.current_thread().name
        assert [await calls.thread() for _ in range(4)] == [here, here, "plain-1", "plain-1"]
        ((*hook, seconds, moved),) = calls.seen.holds
        assert (hook, moved) == (["plain", Stage.HELO], True)
        assert seconds == pytest.approx(3 * HOLD_SECONDS)

    asyncio.run(test())


def test_a_hook_that_takes_its_time_in_a_thread_holds_nothing() -> None:
    async def test() -> None:
        hands = Hands()
        calls = Calls(Blocking(hands, 100), hands)
        await calls.call()
        assert calls.seen.holds == []

    asyncio.run(test())


class Raising:
    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @hookimpl
    def helo(self) -> Iterator[Effect]:
        self._hands.seconds += 1
        raise ValueError(threading.current_thread().name)
        yield Where()


def test_a_hook_that_raises_after_it_held_the_loop_moves_too() -> None:
    async def test() -> None:
        hands = Hands()
        calls = Calls(Raising(hands), hands)
        for thread in (threading.current_thread().name, "raising-1"):
            with pytest.raises(ValueError, match=thread):
                await calls.call()

    asyncio.run(test())


class Async:
    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        await asyncio.sleep(0)
        self._hands.seconds += 1
        yield Where()


def test_an_async_hook_that_holds_the_loop_is_named_each_time_and_stays() -> None:
    async def test() -> None:
        hands = Hands()
        calls = Calls(Async(hands), hands)
        here = threading.current_thread().name
        assert [await calls.thread() for _ in range(2)] == [here, here]
        assert calls.seen.holds == [("async", Stage.HELO, 1, False)] * 2

    asyncio.run(test())


class Ready(Async):
    """Finds at once all that it could have waited for."""

    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        self._hands.seconds += 1
        yield Where()


def test_an_async_hook_that_need_not_wait_is_done_at_once() -> None:
    hands = Hands()
    calls = Calls(Ready(hands), hands)
    # There is no loop that it could wait in.
    (effect,) = calls.begin()
    assert isinstance(effect, Where)
    assert calls.seen.holds == [("ready", Stage.HELO, 1, False)]


class RaisingAsync(Async):
    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        self._hands.seconds += 1
        raise ValueError("no disk")
        yield Where()


def test_an_async_hook_that_raises_before_it_waits_raises_at_once() -> None:
    hands = Hands()
    calls = Calls(RaisingAsync(hands), hands)
    with pytest.raises(ValueError, match="no disk"):
        calls.begin()
    assert calls.seen.holds == [("raisingasync", Stage.HELO, 1, False)]


class Waiting(Async):
    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        yield AuthResult()
        await asyncio.Event().wait()


def test_an_async_hook_whose_time_was_over_before_it_waited_has_failed() -> None:
    async def test() -> None:
        with pytest.raises(DeadlineError) as failed:
            await Calls(Waiting(Hands())).call(-1)
        assert "in helo" in describe(failed.value)

    asyncio.run(test())


class Patient:
    """Has a deadline of its own, from before it first waits."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await asyncio.Event().wait()
        yield AuthResult()


def test_a_deadline_of_the_hooks_own_and_that_of_the_stage_do_not_meet() -> None:
    async def test() -> None:
        assert await Calls(Patient(0.001)).call() == (AuthResult(),)
        with pytest.raises(DeadlineError):
            await Calls(Patient(60)).call(0.001)
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    asyncio.run(test())


def test_a_session_that_goes_while_a_hook_waits_is_cancelled_and_has_not_failed() -> None:
    async def test() -> None:
        task = asyncio.create_task(Calls(Waiting(Hands())).call())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(test())


class Hanging:
    """Hangs at its second effect until the test lets it go on."""

    blocking = True

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()
        self.closed = threading.Event()
        self.went_on = False

    @hookimpl
    def helo(self) -> Iterator[Effect]:
        try:
            yield AuthResult()
            self.reached.set()
            self.let_go.wait(60)
            yield AuthResult()
            self.went_on = True
        finally:
            self.closed.set()


def test_a_hook_that_hangs_in_its_thread_has_failed_when_its_time_is_over() -> None:
    hanging = Hanging()

    async def test() -> None:
        with pytest.raises(DeadlineError) as failed:
            await Calls(hanging).call(0.05)
        assert kind_of(failed.value) is Failure.TIMEOUT
        told = describe(failed.value)
        assert "its thread was at " in told
        assert "in helo" in told

    try:
        asyncio.run(test())
    finally:
        hanging.let_go.set()


def test_a_hook_that_is_late_goes_no_further_than_its_next_effect() -> None:
    hanging = Hanging()

    async def test() -> None:
        calls = Calls(hanging)
        task = asyncio.create_task(calls.call())
        await asyncio.to_thread(hanging.reached.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        hanging.let_go.set()
        await asyncio.to_thread(hanging.closed.wait)
        assert not hanging.went_on

    asyncio.run(test())


class Nonsense:
    @hookimpl
    def helo(self) -> object:
        return 3


class BlockingNonsense(Nonsense):
    blocking = True


class Impatient:
    @hookimpl
    def helo(self) -> Iterator[Effect]:
        raise TimeoutError("of its own")
        yield Where()


class BlockingImpatient(Impatient):
    blocking = True


class AsyncImpatient:
    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        raise TimeoutError("of its own")
        yield Where()


@pytest.mark.parametrize(
    ("instance", "error", "kind"),
    [
        (Nonsense(), IllegalEffectError, Failure.ILLEGAL),
        (BlockingNonsense(), IllegalEffectError, Failure.ILLEGAL),
        (Impatient(), TimeoutError, Failure.EXCEPTION),
        (BlockingImpatient(), TimeoutError, Failure.EXCEPTION),
        (AsyncImpatient(), TimeoutError, Failure.EXCEPTION),
    ],
)
def test_a_mistake_is_the_same_mistake_wherever_the_hook_runs(
    instance: object, error: type[Exception], kind: Failure
) -> None:
    async def test() -> None:
        with pytest.raises(error) as failed:
            await Calls(instance).call()
        assert kind_of(failed.value) is kind

    asyncio.run(test())
