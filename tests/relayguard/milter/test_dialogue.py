"""What an MTA says and hears, without a socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from ipaddress import ip_address

import pytest

from relayguard import Effect, Envelope, Reject, Session, hookimpl
from relayguard.core.decision import Outcome
from relayguard.core.effects import Watch
from relayguard.log import make_logger
from relayguard.milter import protocol
from relayguard.milter.dialogue import Dialogue, Edge
from relayguard.milter.protocol import (
    ALL_ACTIONS,
    ALL_PROTOCOL,
    Action,
    Command,
    Negotiation,
    PacketReader,
    Protocol,
    ProtocolError,
)
from relayguard.pipeline.visible import MAX_FIELDS
from tests.relayguard.pipeline.rig import Rig


class Picky:
    """Refuses a sender and a recipient, fails at another, and tells what it saw."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.envelopes: list[Envelope] = []

    @hookimpl
    async def mail_from(self, session: Session, envelope: Envelope) -> AsyncIterator[Effect]:
        self.sessions.append(session)
        self.envelopes.append(envelope)
        if envelope.sender.local == "bad":
            yield Reject(text="bad sender")
        if envelope.sender.local == "cancelled":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

    @hookimpl
    def end_of_headers(self, envelope: Envelope) -> Iterator[Effect]:
        if envelope.sender.local == "reader":
            yield Watch(self)

    def feed(self, chunk: bytes) -> None:
        assert chunk


class Talk:
    """One dialogue: what is put in, and what was said."""

    def __init__(self, *, offered: int = ALL_PROTOCOL, version: int = 6, actions: int = ALL_ACTIONS) -> None:
        self.filter = Picky()
        self.rig = Rig(self.filter)
        self.log = StringIO()
        self.said = bytearray()
        self.dialogue = Dialogue(Edge(self.rig.pipeline, make_logger("json", "info", self.log)), self.said.extend)
        offer = Negotiation(version, actions, Protocol(offered)).encode()
        self.dialogue.negotiate(ord("O"), offer)
        self.said.clear()

    async def take(self, command: Command | str, data: bytes = b"") -> bytes:
        """Put in one packet; return the kinds of what was said to it."""
        octet = command.value if isinstance(command, Command) else command.encode()
        self.said.clear()
        await self.dialogue.take([(octet[0], data)])
        return bytes(kind for kind, _ in PacketReader().feed(bytes(self.said)))

    async def greet(self) -> None:
        await self.take("C", protocol.connect(b"client.example", ip_address("192.0.2.1"), 25))
        await self.take("H", b"client.example\0")

    async def begin(self, sender: bytes = b"<a@example.org>") -> bytes:
        said = await self.take("M", protocol.strings(sender, b"SIZE=10"))
        await self.take("R", b"<b@example.com>\0")
        return said

    async def message(self, body: bytes = b"body\r\n") -> bytes:
        await self.take("L", b"From\0 a@example.org\0")
        await self.take("N")
        await self.take("B", body)
        return await self.take("E")


def test_a_message_is_answered_where_somebody_waits_and_nowhere_else() -> None:
    async def talk() -> None:
        mta = Talk()
        assert await mta.take("C", protocol.connect(b"c.example", ip_address("192.0.2.1"), 25)) == b""
        assert await mta.take("H", b"c.example\0") == b""
        assert await mta.begin() == b"c"
        assert await mta.message() == b"ic"
        assert mta.rig.seen.outcomes == [Outcome.ACCEPTED]

    asyncio.run(talk())


def test_an_mta_that_wants_a_reply_to_everything_gets_one() -> None:
    async def talk() -> None:
        mta = Talk(offered=0)
        said = [
            await mta.take("C", protocol.connect(b"c.example", ip_address("192.0.2.1"), 25)),
            await mta.take("H", b"c.example\0"),
            await mta.take("M", b"<a@example.org>\0"),
            await mta.take("R", b"<b@example.com>\0"),
            await mta.take("T"),
            await mta.take("U", b"XYZZY\0"),
            await mta.take("L", b"From\0a@example.org\0"),
            await mta.take("N"),
            await mta.take("B", b"x"),
        ]
        assert said == [b"c"] * 9
        # What the MTA leaves out it had after the colon: DKIM's simple canonicalisation needs it.
        assert await mta.take("E") == b"ic"

    asyncio.run(talk())


def test_a_body_that_nobody_reads_is_cut_short_where_that_is_possible() -> None:
    async def talk() -> None:
        mta = Talk(offered=Protocol.SKIP)
        await mta.greet()
        await mta.begin()
        await mta.take("N")
        assert await mta.take("B", b"x") == b"s"
        await mta.take("A")
        await mta.begin(b"<reader@example.org>")
        await mta.take("N")
        assert await mta.take("B", b"x") == b"c"

    asyncio.run(talk())


def test_the_last_chunk_may_come_with_the_end_of_the_message() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        await mta.begin(b"<reader@example.org>")
        await mta.take("N")
        assert await mta.take("E", b"12345") == b"ic"
        assert mta.rig.seen.records[0].size == 5

    asyncio.run(talk())


def test_after_a_refused_sender_no_envelope_is_in_progress() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        assert await mta.begin(b"<bad@example.org>") == b"y"
        assert not mta.dialogue.begun
        assert await mta.message() == b"y"
        assert mta.rig.seen.outcomes == [Outcome.REJECTED]

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("data", "address", "lost"),
    [
        (protocol.connect(b"c.example", ip_address("192.0.2.1"), 25), "192.0.2.1", False),
        (protocol.connect(b"c.example", ip_address("2001:db8::1"), 25), "2001:db8::1", False),
        (b"c\0006\0\x192001:db8::1\0", "2001:db8::1", False),
        (b"c\0L\0\0/run/socket\0", None, False),
        (b"c\0U", None, False),
        (b"c\0004\0\x19nonsense\0", None, True),
        (b"c\0006\0", None, True),
    ],
)
def test_a_client_whose_address_cannot_be_read_does_not_pass_for_local(
    data: bytes, address: str | None, *, lost: bool
) -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.take("C", data)
        await mta.begin()
        (session,) = mta.filter.sessions
        assert session.client_address == (ip_address(address) if address else None)
        assert session.local is (address is None and not lost)

    asyncio.run(talk())


def test_a_client_that_was_never_reported_does_not_pass_for_local() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.begin()
        assert not mta.filter.sessions[0].local

    asyncio.run(talk())


def test_text_that_is_not_utf_8_stops_nothing() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.take("C", b"caf\xe9.example\0004\0\x19192.0.2.1\0")
        await mta.take("H", b"caf\xe9\0")
        await mta.begin(b"<j\xfcrgen@example.org>")
        await mta.take("L", b"X-\xe9\0 \xff\0")
        assert await mta.message() == b"ic"

    asyncio.run(talk())


def test_what_was_sent_as_a_macro_reaches_the_envelope_it_belongs_to() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        await mta.take("D", b"Mi\0Q1\0{auth_type}\0PLAIN\0{auth_authen}\0bob\0")
        await mta.begin()
        await mta.message()
        await mta.take("D", b"M{auth_type}\0\0")
        await mta.begin()
        first, second = mta.filter.envelopes
        assert (first.queue_id, first.login) == ("Q1", "bob")
        assert (second.queue_id, second.login) == (None, None)

    asyncio.run(talk())


def test_the_next_client_over_the_same_connection_is_another() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        await mta.begin()
        assert await mta.take("K") == b""
        assert mta.rig.seen.sessions == ["connected", "closed"]
        assert mta.rig.seen.outcomes == [Outcome.ABORTED]
        await mta.take("C", protocol.connect(b"other.example", ip_address("198.51.100.9"), 25))
        await mta.begin()
        assert mta.filter.sessions[-1].client_name == "other.example"

    asyncio.run(talk())


def test_who_does_not_negotiate_first_is_no_mta() -> None:
    mta = Talk()
    with pytest.raises(ProtocolError, match="no negotiation"):
        mta.dialogue.negotiate(ord("M"), b"<a@b>\0")


@pytest.mark.parametrize("command", ["O", "?", "\x01"])
def test_what_no_mta_says_ends_the_connection(command: str) -> None:
    mta = Talk()
    with pytest.raises(ProtocolError, match="unknown command"):
        asyncio.run(mta.take(command))


@pytest.mark.parametrize(("command", "said"), [("N", b""), ("E", b"y")])
def test_a_fault_of_our_own_is_answered_where_a_reply_is_due_and_ends_the_envelope(
    command: str, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("sabotaged")

    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        await mta.begin()
        connection = mta.dialogue._connection  # to break it
        monkeypatch.setattr(connection, {"N": "end_of_headers", "E": "end_of_message"}[command], broken)
        assert await mta.take(command) == said
        assert "sabotaged" in mta.log.getvalue()
        assert mta.rig.seen.outcomes == [Outcome.FAILED]
        monkeypatch.undo()
        if command == "N":
            # The message goes on, since no reply was due; now one is.
            await mta.take("B", b"x")
            assert await mta.take("E") == b"y"
        assert await mta.begin() == b"c"
        assert await mta.message() == b"ic"

    asyncio.run(talk())


def test_header_fields_outside_of_an_envelope_are_not_kept() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        await mta.take("L", b"X-Old\0 1\0")
        await mta.begin()
        await mta.message()
        assert mta.rig.seen.outcomes == [Outcome.ACCEPTED]
        assert mta.rig.seen.records[0].size == len("From: a@example.org\r\n") + len("body\r\n")

    asyncio.run(talk())


def test_a_filter_that_cancels_its_own_task_costs_its_message_an_answer_and_no_more() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        assert await mta.begin(b"<cancelled@example.org>") == b"y"
        assert mta.rig.seen.outcomes == [Outcome.FAILED]
        assert await mta.begin() == b"c"
        assert await mta.message() == b"ic"

    asyncio.run(talk())


def test_one_who_sends_very_much_before_he_is_answered_does_not_keep_others_waiting() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        waiting = asyncio.create_task(other())
        await mta.dialogue.take([(ord("M"), b"<a@example.org>\0"), (ord("A"), b"")] * 500)
        waiting.cancel()
        assert turns > 20

    asyncio.run(talk())


def test_edits_that_the_mta_does_not_grant_put_the_message_off_instead_of_being_made_in_part() -> None:
    async def talk() -> None:
        mta = Talk(actions=ALL_ACTIONS & ~Action.ADD_HEADERS)
        assert "the MTA does not grant all actions" in mta.log.getvalue()
        await mta.greet()
        await mta.begin()
        assert await mta.message() == b"y"
        assert b"451 4.3.0" in mta.said

    asyncio.run(talk())


def test_a_session_that_was_refused_is_told_so_again_when_a_reply_is_due() -> None:
    class Strict:
        @hookimpl
        def helo(self, session: Session) -> Iterator[Effect]:
            yield Reject(text="not you")

    async def talk() -> None:
        rig = Rig(Strict())
        said = bytearray()
        dialogue = Dialogue(Edge(rig.pipeline, make_logger("json", "info", StringIO())), said.extend)
        dialogue.negotiate(ord("O"), Negotiation(6, ALL_ACTIONS, Protocol(ALL_PROTOCOL)).encode())
        await dialogue.take([(ord("H"), b"client.example\0")])
        said.clear()
        await dialogue.take([(ord("M"), b"<a@example.org>\0"), (ord("R"), b"<b@example.com>\0"), (ord("E"), b"")])
        assert bytes(said[4:]) == b"y550 5.7.1 not you\0"

    asyncio.run(talk())


def test_nothing_is_heard_after_goodbye() -> None:
    async def talk() -> None:
        mta = Talk()
        await mta.greet()
        mta.said.clear()
        await mta.dialogue.take([(ord("Q"), b""), (ord("M"), b"<a@example.org>\0")])
        assert mta.dialogue.finished
        assert not mta.said

    asyncio.run(talk())


@pytest.mark.parametrize("packet", ["H", "Hclient.example", "M", "M<a@example.org>", "R", "R<b@example.com>"])
def test_a_text_without_its_end_ends_the_connection(packet: str) -> None:
    mta = Talk()
    with pytest.raises(ProtocolError, match="a text without an end"):
        asyncio.run(mta.take(packet[:1], packet[1:].encode()))


@pytest.mark.parametrize("offered", [ALL_PROTOCOL, ALL_PROTOCOL & ~Protocol.NR_HEADER])
def test_packets_may_be_passed_over_only_in_a_flood_of_fields_that_nobody_answers(offered: int) -> None:
    async def talk() -> None:
        mta = Talk(offered=offered)
        await mta.begin()
        assert mta.dialogue.pass_over is None
        await mta.dialogue.take([(ord("L"), b"X\0 1\0")] * MAX_FIELDS)
        assert (mta.dialogue.pass_over is not None) == bool(offered & Protocol.NR_HEADER)
        await mta.take("N")
        assert mta.dialogue.pass_over is None

    asyncio.run(talk())
