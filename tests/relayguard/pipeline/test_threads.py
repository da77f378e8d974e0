import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import NoReturn, TypeVar

import pytest

from relayguard.pipeline.threads import GivenUp, Threads

T = TypeVar("T")


class Door:
    """Something to hang at until the test opens it."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, given_up: GivenUp) -> bool:
        self.reached.release()
        assert self.opened.wait(60)
        return given_up()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.opened.set()


def name(_: GivenUp) -> str:
    return threading.current_thread().name


def living(pool: str) -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(f"{pool}-")}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # a thread that ends sets no event
            await asyncio.sleep(0.001)


async def hanging(threads: Threads, door: Door) -> asyncio.Task[bool]:
    """Begin a call that hangs."""
    task = asyncio.create_task(threads.run(door))
    await asyncio.to_thread(door.reached.acquire)
    return task


async def cancelled(task: asyncio.Task[T]) -> list[str]:
    """Give a call up; return what is noted of it."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as given_up:
        await task
    return getattr(given_up.value, "__notes__", [])


def test_a_call_runs_in_a_thread_that_bears_the_name_of_its_filter() -> None:
    assert asyncio.run(Threads("slow").run(name)) == "slow-1"


def test_no_thread_begins_before_it_is_needed_and_one_serves_many_calls() -> None:
    async def test() -> None:
        threads = Threads("thrifty")
        assert living("thrifty") == set()
        assert {await threads.run(name) for _ in range(5)} == {"thrifty-1"}
        assert living("thrifty") == {"thrifty-1"}

    asyncio.run(test())


def test_calls_run_beside_one_another_up_to_a_bound(door: Door) -> None:
    async def test() -> None:
        threads = Threads("bounded", 2)
        tasks = [await hanging(threads, door) for _ in range(2)]
        late = asyncio.create_task(threads.run(name))
        await asyncio.sleep(0)
        assert not late.done()
        door.opened.set()
        assert await asyncio.gather(*tasks) == [False, False]
        assert await late in {"bounded-1", "bounded-2"}
        assert len(living("bounded")) == 2

    asyncio.run(test())


def stopping(_: GivenUp) -> NoReturn:
    raise StopIteration


def leaving(_: GivenUp) -> NoReturn:
    raise SystemExit(3)


def cancelling(_: GivenUp) -> NoReturn:
    raise asyncio.CancelledError


def breaking(_: GivenUp) -> NoReturn:
    raise ValueError("no disk")


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (breaking, ValueError),
        (leaving, SystemExit),
        (cancelling, asyncio.CancelledError),
        # As of a function that is called on the loop.
        (stopping, RuntimeError),
    ],
)
def test_what_is_raised_in_a_thread_is_raised_where_it_is_waited_for(
    function: Callable[[GivenUp], NoReturn], error: type[BaseException]
) -> None:
    async def test() -> None:
        threads = Threads("broken", 1)
        try:
            await threads.run(function)
        except error:
            # And the thread serves on.
            assert await threads.run(name) == "broken-1"
        else:
            pytest.fail("nothing was raised")

    asyncio.run(test())


def test_a_call_that_is_given_up_while_it_waits_for_a_thread_is_never_made(door: Door) -> None:
    async def test() -> None:
        calls: list[str] = []
        threads = Threads("full", 1)
        first = await hanging(threads, door)
        second = asyncio.create_task(threads.run(lambda _: calls.append("made")))
        await asyncio.sleep(0)
        assert await cancelled(second) == ["all its threads were busy"]
        door.opened.set()
        assert await first is False
        assert await threads.run(name) == "full-1"
        assert calls == []

    asyncio.run(test())


def test_a_call_that_is_given_up_is_left_to_finish_and_told_where_it_hangs(door: Door) -> None:
    async def test() -> None:
        threads = Threads("hung", 1)
        task = await hanging(threads, door)
        (note,) = await cancelled(task)
        assert note.startswith("its thread was at ")
        assert f"{__file__}:" in note
        assert "in __call__" in note
        assert "threads.py:" not in note.removeprefix("its thread was at ").replace("test_threads.py:", "")
        door.opened.set()
        # The thread is free again, and what it returned is nobody's.
        assert await threads.run(name) == "hung-1"

    asyncio.run(test())


def test_a_call_is_told_that_nobody_waits_for_it_any_more(door: Door) -> None:
    async def test() -> list[bool]:
        told: list[bool] = []
        threads = Threads("told", 1)
        task = asyncio.create_task(threads.run(lambda given_up: told.append(door(given_up))))
        await asyncio.to_thread(door.reached.acquire)
        await cancelled(task)
        door.opened.set()
        await threads.run(name)
        return told

    assert asyncio.run(test()) == [True]


def test_a_filter_that_hangs_takes_no_thread_from_another(door: Door) -> None:
    async def test() -> None:
        hung, healthy = Threads("hung", 1), Threads("healthy", 1)
        task = await hanging(hung, door)
        assert await healthy.run(name) == "healthy-1"
        await cancelled(task)

    asyncio.run(test())


class Message:
    """Something that a message needs memory for."""


def test_a_thread_that_waits_keeps_no_message_alive() -> None:
    async def test() -> None:
        message = Message()
        gone = weakref.ref(message)
        threads = Threads("idle", 1)

        def call(message: Message) -> Coroutine[None, None, str]:
            return threads.run(lambda _: str(message))

        await call(message)
        del message
        gc.collect()
        await until(lambda: gone() is None)

    asyncio.run(test())


def test_the_threads_end_with_their_pool() -> None:
    async def test() -> None:
        threads = Threads("ending")
        await threads.run(name)
        del threads
        gc.collect()
        await until(lambda: not living("ending"))

    asyncio.run(test())


def test_a_thread_that_outlives_the_loop_ends_quietly(door: Door) -> None:
    async def begin() -> None:
        task = await hanging(Threads("outliving", 1), door)
        await cancelled(task)

    asyncio.run(begin())
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "outliving-1"]
    # Else the daemon could not end while it hangs.
    assert thread.daemon
    door.opened.set()
    gc.collect()
    asyncio.run(until(lambda: not living("outliving")))


def test_a_system_without_a_thread_to_spare_fails_the_call_and_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def test() -> None:
        threads = Threads("spare", 1)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", full)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await threads.run(name)
        assert await threads.run(name) == "spare-1"

    asyncio.run(test())
