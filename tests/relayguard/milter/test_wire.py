"""One socket of the native transport: flow control, patience, and peers that misbehave."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Body, Effect, Envelope, Watch, hookimpl
from relayguard.core.decision import Outcome
from relayguard.core.edits import ReplaceBody
from relayguard.log import make_logger
from relayguard.milter import protocol
from relayguard.milter.dialogue import Edge
from relayguard.milter.protocol import ALL_ACTIONS, ALL_PROTOCOL, Negotiation, Packet, PacketReader, Protocol
from relayguard.milter.wire import BUFFER_BYTES, Limits, Wire
from tests.relayguard.pipeline.rig import Rig

OFFER = Packet(b"O", Negotiation(6, ALL_ACTIONS, Protocol(ALL_PROTOCOL)).encode())
BEGIN = (
    Packet(b"C", protocol.connect(b"client.example", ip_address("192.0.2.1"), 25)),
    Packet(b"H", b"client.example\0"),
    Packet(b"M", b"<a@example.org>\0"),
)
MESSAGE = (
    Packet(b"R", b"<b@example.com>\0"),
    Packet(b"L", b"From\0 a@example.org\0"),
    Packet(b"N"),
    Packet(b"B", b"body\r\n"),
    Packet(b"E"),
)
LARGE = 4 * 1024 * 1024


class Slow:
    """Waits until it is let go, and then makes a large body of a small one."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.replace = False

    @hookimpl
    async def end_of_headers(self, envelope: Envelope) -> AsyncIterator[Effect]:
        await self.go.wait()
        yield Watch(self)

    def feed(self, chunk: bytes) -> None:
        assert chunk

    @hookimpl
    async def end_of_message(self, envelope: Envelope, body: Body) -> AsyncIterator[Effect]:
        await self.go.wait()
        if self.replace:
            yield ReplaceBody(b"x" * LARGE)


class Mta:
    """The other end of a wire."""

    def __init__(self) -> None:
        self.filter = Slow()
        self.rig = Rig(self.filter)
        self.log = StringIO()
        self.ended: list[Wire] = []
        self._loop = asyncio.get_running_loop()
        self.socket, ours = socket.socketpair()
        for end in (self.socket, ours):
            end.settimeout(0)
        edge = Edge(self.rig.pipeline, make_logger("json", "info", self.log))
        self.wire = Wire(ours, edge, memoryview(bytearray(BUFFER_BYTES)), Limits(), self.ended.append)
        self._reader = PacketReader()
        self._heard: list[tuple[int, bytes]] = []

    async def say(self, *packets: Packet) -> None:
        await self._loop.sock_sendall(self.socket, b"".join(packet.encode() for packet in packets))

    async def say_raw(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def hear(self, *kinds: bytes) -> None:
        """Read packets, which must be of these kinds."""
        while len(self._heard) < len(kinds):
            data = await self._loop.sock_recv(self.socket, 65536)
            assert data, "the milter hung up"
            self._heard += self._reader.feed(data)
        heard, self._heard = self._heard[: len(kinds)], self._heard[len(kinds) :]
        assert [kind for kind, _ in heard] == [kind[0] for kind in kinds]

    async def hears_the_end(self) -> None:
        while await self._loop.sock_recv(self.socket, 65536):
            pass
        while not self.ended:
            await asyncio.sleep(0)
        assert self.ended == [self.wire]

    def look_later(self, seconds: float) -> None:
        """As if so many seconds had gone by."""
        self.wire.look(self._loop.time() + seconds)

    async def is_served_after(self, seconds: float) -> None:
        """See that so many seconds of silence do not end it."""
        self.look_later(seconds)
        await asyncio.sleep(0.01)
        assert not self.ended


@asynccontextmanager
async def connected(*said: Packet) -> AsyncIterator[Mta]:
    mta = Mta()
    async with asyncio.timeout(30):
        if said:
            await mta.say(*said)
            await mta.hear(b"O")
        yield mta
        mta.socket.close()
        while not mta.ended:
            await asyncio.sleep(0)


def test_packets_may_come_byte_by_byte() -> None:
    async def talk() -> None:
        async with connected() as mta:
            for octet in b"".join(packet.encode() for packet in (OFFER, *BEGIN, *MESSAGE)):
                await mta.say_raw(bytes((octet,)))
                await asyncio.sleep(0)
            await mta.hear(b"O", b"i", b"c")

    asyncio.run(talk())


def test_many_messages_of_one_connection_are_judged_in_their_order() -> None:
    async def talk() -> None:
        async with connected(OFFER, *BEGIN[:2]) as mta:
            for _ in range(3):
                await mta.say(BEGIN[2], *MESSAGE)
                await mta.hear(b"i", b"c")
            assert mta.rig.seen.outcomes == [Outcome.ACCEPTED] * 3

    asyncio.run(talk())


@pytest.mark.parametrize("hang_up", [True, False])
def test_who_says_goodbye_or_hangs_up_is_closed_after_what_he_said_was_heard(hang_up: bool) -> None:  # noqa: FBT001  # a parameter
    async def talk() -> None:
        async with connected(OFFER, *BEGIN, *MESSAGE[:-1]) as mta:
            if hang_up:
                mta.socket.shutdown(socket.SHUT_WR)
            else:
                await mta.say(Packet(b"Q"))
            await mta.hears_the_end()
            assert mta.rig.seen.outcomes == [Outcome.ABORTED]
            assert mta.rig.seen.sessions == ["connected", "closed"]

    asyncio.run(talk())


def test_who_hangs_up_while_he_is_judged_is_one_envelope_with_one_end() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            mta.filter.go.clear()
            await mta.say(*BEGIN, *MESSAGE)
            while not mta.wire.begun:
                await asyncio.sleep(0)
            mta.socket.close()
            mta.filter.go.set()
            while not mta.ended:
                await asyncio.sleep(0)
            assert mta.rig.seen.outcomes == [Outcome.ACCEPTED]

    asyncio.run(talk())


def test_the_mta_waits_to_send_more_while_a_filter_lags() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            mta.filter.go.clear()
            await mta.say(*BEGIN, *MESSAGE[:3])
            chunk, sent = Packet(b"B", b"x" * 65_535).encode(), 0
            async with asyncio.timeout(30):
                while await _send_some(mta.socket, chunk):
                    sent += len(chunk)
                    assert sent < LARGE
            assert sent > 0
            mta.filter.go.set()

    asyncio.run(talk())


async def _send_some(end: socket.socket, data: bytes) -> bool:
    """Send all of it, or nothing more fits in although the other side had every chance to read."""
    for _ in range(100):
        try:
            data = data[end.send(data) :]
        except BlockingIOError:
            await asyncio.sleep(0.001)
        if not data:
            return True
    return False


def test_one_who_reads_slowly_gets_it_all() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            mta.filter.replace = True
            await mta.say(*BEGIN, *MESSAGE)
            await mta.hear(*[b"b"] * (LARGE // 65_535 + 1), b"i", b"c")
            await mta.say(BEGIN[2], *MESSAGE)
            await mta.hear(*[b"b"] * (LARGE // 65_535 + 1), b"i", b"c")

    asyncio.run(talk())


def test_one_who_does_not_read_is_given_up_at_last() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            mta.filter.replace = True
            await mta.say(*BEGIN, *MESSAGE)
            while not mta.rig.seen.records:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            await mta.is_served_after(299)
            mta.look_later(301)
            await mta.hears_the_end()

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("said", "patience"),
    [
        ((), 30),
        ((OFFER,), 7210),
        ((OFFER, *BEGIN), 7210),
        ((OFFER, *BEGIN, Packet(b"A"), *BEGIN[2:]), 7210),
    ],
)
def test_one_who_says_nothing_is_given_up_at_last(said: tuple[Packet, ...], patience: int) -> None:
    async def talk() -> None:
        async with connected(*said) as mta:
            while mta.wire.begun is not (len(said) > 1):
                await asyncio.sleep(0)
            await mta.is_served_after(patience - 1)
            mta.look_later(patience + 1)
            await mta.hears_the_end()

    asyncio.run(talk())


def test_one_who_stops_inside_a_packet_is_given_up_sooner() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            await mta.say_raw(b"\0\0")
            await asyncio.sleep(0.01)
            await mta.is_served_after(299)
            mta.look_later(301)
            await mta.hears_the_end()

    asyncio.run(talk())


def test_one_who_lets_a_packet_drip_in_gains_no_time_by_it() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            await mta.say_raw(b"\0\0")
            await asyncio.sleep(0.01)
            begun = mta.wire.touched
            await mta.say_raw(b"\0")
            await asyncio.sleep(0.01)
            assert mta.wire.touched > begun
            mta.wire.look(begun + 300.001)
            await mta.hears_the_end()

    asyncio.run(talk())


def test_one_who_waited_for_hours_and_then_sends_a_packet_in_two_parts_has_time_for_it() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            await mta.say(BEGIN[0])
            await asyncio.sleep(0.01)
            mta.wire.touched -= 7000
            mta.wire._since -= 7000  # as if it were long ago
            await mta.say_raw(b"\0\0")
            await asyncio.sleep(0.01)
            await mta.is_served_after(1)

    asyncio.run(talk())


def test_a_packet_larger_than_all_that_may_wait_is_read_to_its_end() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            mta.filter.go.clear()
            await mta.say(*BEGIN, *MESSAGE[:3])
            large = Packet(b"B", b"x" * 700_000).encode()
            for start in range(0, 500_000, 50_000):
                await mta.say_raw(large[start : start + 50_000])
                await asyncio.sleep(0.001)
            mta.filter.go.set()
            await asyncio.sleep(0.01)
            await mta.say_raw(large[500_000:])
            await mta.say(MESSAGE[4])
            await mta.hear(b"i", b"c")

    asyncio.run(talk())


@given(st.lists(st.integers(1, 2000), max_size=12))
@settings(max_examples=25)
def test_wherever_the_stream_is_cut_the_replies_are_the_same(cuts: list[int]) -> None:
    stream = b"".join(packet.encode() for packet in (OFFER, *BEGIN, *MESSAGE, *BEGIN[2:], *MESSAGE))

    async def talk() -> None:
        async with connected() as mta:
            places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
            for start, end in pairwise(places):
                await mta.say_raw(stream[start:end])
                await asyncio.sleep(0)
            await mta.hear(b"O", b"i", b"c", b"i", b"c")

    asyncio.run(talk())


def test_an_mta_that_waits_for_us_is_told_to_go_on_waiting() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            mta.filter.go.clear()
            await mta.say(*BEGIN, *MESSAGE)
            while not mta.rig.seen.begun:
                await asyncio.sleep(0)
            mta.look_later(9)
            mta.look_later(11)
            mta.look_later(20)
            mta.look_later(10_000)
            assert not mta.ended
            mta.filter.go.set()
            await mta.hear(b"p", b"p", b"i", b"c")

    asyncio.run(talk())


def test_a_fault_of_the_mta_is_told_and_ends_the_connection() -> None:
    async def talk() -> None:
        async with connected(OFFER) as mta:
            await mta.say_raw(b"\xff\xff\xff\xffM")
            await mta.hears_the_end()
            assert "the MTA broke the milter protocol" in mta.log.getvalue()
            assert mta.rig.sample("relayguard_milter_failures_total") == 1

    asyncio.run(talk())


def test_what_came_before_the_fault_still_ends_its_envelope() -> None:
    async def talk() -> None:
        async with connected(OFFER, *BEGIN, Packet(b"?"), Packet(b"A")) as mta:
            await mta.hears_the_end()
            assert mta.rig.seen.outcomes == [Outcome.ABORTED]

    asyncio.run(talk())


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0\0", BEGIN[0].encode(), Packet(b"O", bytes(100_000)).encode()[:5000]],
)
def test_a_stranger_who_speaks_no_milter_is_not_told_of(said: bytes) -> None:
    async def talk() -> None:
        async with connected() as mta:
            await mta.say_raw(said)
            await mta.hears_the_end()
            assert mta.log.getvalue() == ""
            assert mta.rig.seen.sessions == []

    asyncio.run(talk())


def test_a_forged_field_at_the_end_of_a_flood_of_others_is_still_removed() -> None:
    async def talk() -> None:
        async with connected(OFFER, *BEGIN) as mta:
            fields = [Packet(b"L", b"X-Filler\0 %d\0" % at) for at in range(15_000)]
            forged = Packet(b"L", b"Authentication-Results\0 mx.example.com; spf=pass\0")
            await mta.say(MESSAGE[0], *fields, forged, *MESSAGE[1:])
            await mta.hear(b"m", b"i", b"c")

    asyncio.run(talk())
