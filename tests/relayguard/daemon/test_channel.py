import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from relayguard.daemon.channel import Channel, Facts, Word


class Side:
    """One end of a channel, and what came through it."""

    def __init__(self, end: socket.socket) -> None:
        self.heard: list[tuple[Word, Facts]] = []
        self.ends = 0
        self.channel = Channel(end, lambda word, facts: self.heard.append((word, facts)), self._ended)

    def _ended(self) -> None:
        self.ends += 1

    async def until(self, condition: Callable[["Side"], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition(self):
                await asyncio.sleep(0.005)


def talk(conversation: Callable[[Side, Side], Awaitable[None]]) -> None:
    async def run() -> None:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one, other = map(Side, ends)
        try:
            await conversation(one, other)
        finally:
            one.channel.close()
            other.channel.close()

    asyncio.run(run())


def test_messages_arrive_one_by_one_in_their_order_with_their_facts() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        worker.channel.say(Word.READY)
        for number in range(100):
            worker.channel.say(Word.BEAT, sessions=number, cpu=number / 4)
        worker.channel.say(Word.FAILED, problem='two\nlines {"} of ü')
        await supervisor.until(lambda side: len(side.heard) == 102)
        beats = [(Word.BEAT, {"sessions": number, "cpu": number / 4}) for number in range(100)]
        assert supervisor.heard == [
            (Word.READY, {}),
            *beats,
            (Word.FAILED, {"problem": 'two\nlines {"} of ü'}),
        ]

    talk(conversation)


def test_both_sides_speak() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        supervisor.channel.say(Word.DRAIN, seconds=330.0)
        worker.channel.say(Word.DETACHED)
        await supervisor.until(lambda side: bool(side.heard))
        await worker.until(lambda side: bool(side.heard))
        assert supervisor.heard == [(Word.DETACHED, {})]
        assert worker.heard == [(Word.DRAIN, {"seconds": 330.0})]

    talk(conversation)


def test_the_end_of_the_other_side_is_told_once() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        worker.channel.say(Word.READY)
        worker.channel.close()
        await supervisor.until(lambda side: side.ends > 0)
        supervisor.channel.finish()
        await asyncio.sleep(0.05)
        assert supervisor.heard == [(Word.READY, {})]
        assert supervisor.ends == 1

    talk(conversation)


def test_the_death_of_a_process_is_an_end() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[theirs.fileno()]
            )
        supervisor = Side(ours)
        process.kill()
        await supervisor.until(lambda side: side.ends > 0)
        with process:
            assert process.wait() < 0

    asyncio.run(run())


def test_what_was_said_before_a_death_is_still_heard() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        worker.channel.say(Word.BEAT, cpu=1.5)
        worker.channel.say(Word.FAILED, problem="no list")
        worker.channel.close()
        supervisor.channel.finish()
        assert supervisor.heard == [(Word.BEAT, {"cpu": 1.5}), (Word.FAILED, {"problem": "no list"})]
        await asyncio.sleep(0.05)
        assert supervisor.ends == 1

    talk(conversation)


def test_hanging_up_while_a_grandchild_holds_the_other_end_does_not_wait() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        worker.channel.say(Word.READY)
        supervisor.channel.finish()
        assert (supervisor.heard, supervisor.ends) == ([(Word.READY, {})], 0)

    talk(conversation)


def test_speaking_to_one_who_is_gone_is_no_error() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        worker.channel.close()
        supervisor.channel.say(Word.SERVE)
        await supervisor.until(lambda side: side.ends > 0)
        supervisor.channel.say(Word.STOP, seconds=1.0)

    talk(conversation)


def test_one_who_does_not_listen_holds_nobody_up() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        for _ in range(5000):
            supervisor.channel.say(Word.SERVE)
        await worker.until(lambda side: bool(side.heard))

    talk(conversation)


def test_it_may_be_closed_twice() -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        supervisor.channel.close()
        supervisor.channel.close()
        supervisor.channel.finish()

    talk(conversation)


@pytest.mark.parametrize("word", Word)
def test_every_word_can_be_said(word: Word) -> None:
    async def conversation(supervisor: Side, worker: Side) -> None:
        supervisor.channel.say(word, seconds=0)
        await worker.until(lambda side: bool(side.heard))
        assert worker.heard[0][0] is word

    talk(conversation)


def test_a_closed_channel_leaves_no_descriptor_behind() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    async def conversation(supervisor: Side, worker: Side) -> None:
        worker.channel.close()
        await supervisor.until(lambda side: side.ends > 0)

    talk(conversation)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
