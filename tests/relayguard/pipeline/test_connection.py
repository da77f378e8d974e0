import asyncio
from collections.abc import Callable, Coroutine, Iterator
from ipaddress import ip_address

import pytest

from relayguard import (
    AddHeader,
    AuthResult,
    Decision,
    Defer,
    Discard,
    Effect,
    Envelope,
    Headers,
    Outcome,
    Quarantine,
    Reject,
    Reported,
    Result,
    Results,
    Role,
    Session,
    Slot,
    Tls,
    Verdict,
    hookimpl,
)
from relayguard.core.effects import Watch
from relayguard.pipeline.connection import Client
from relayguard.pipeline.filters import Mode, Policy
from tests.relayguard.pipeline.rig import FROM, SHADOW, STRANGER, Rig, run, send

Test = Callable[[Rig], Coroutine[None, None, None]]


class Tally:
    """A reader that counts bytes."""

    def __init__(self) -> None:
        self.size = 0

    def feed(self, chunk: bytes, /) -> None:
        self.size += len(chunk)


class Nosy:
    """Keeps all it can in every place there is, and tells what it finds there the next time."""

    def __init__(self) -> None:
        self._slot: Slot[str] = Slot("sender")
        self.found: list[str | None] = []
        self.results: list[int] = []
        self.tallies: list[Tally] = []
        self.decisions: list[tuple[str, Outcome]] = []

    @hookimpl
    def mail_from(self, envelope: Envelope, results: Results) -> Iterator[Effect]:
        self.found.append(envelope.slots.get(self._slot))
        self.results.append(len(results))
        envelope.slots.put(self._slot, str(envelope.sender))
        yield AuthResult()
        yield AddHeader("X-Sender", str(envelope.sender))

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        self.tallies.append(Tally())
        yield Watch(self.tallies[-1])
        if str(envelope.sender) == "bad@example.org":
            yield Quarantine()

    @hookimpl
    def decided(self, envelope: Envelope, decision: Decision) -> None:
        self.decisions.append((str(envelope.sender), decision.outcome))


async def rset(rig: Rig) -> None:
    await rig.connection.abort()


async def second_mail(rig: Rig) -> None:
    """The MTA forgets to say that the first envelope is over."""


async def failed(rig: Rig) -> None:
    await rig.connection.fail()


async def finished(rig: Rig) -> None:
    assert await rig.connection.end_of_message(None) is not None


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (rset, Outcome.ABORTED),
        (second_mail, Outcome.ABORTED),
        (failed, Outcome.FAILED),
        (finished, Outcome.QUARANTINED),
    ],
)
def test_nothing_of_one_message_reaches_the_next(end: Test, outcome: Outcome) -> None:
    nosy = Nosy()

    async def test(rig: Rig) -> None:
        await rig.mail("bad@example.org")
        await rig.rcpt("first@example.com")
        await rig.connection.end_of_headers([("From", b" bad@example.org")], "4FIRST")
        await rig.connection.body(b"first")
        await end(rig)
        assert await rig.mail("good@example.org") is None
        await rig.rcpt("second@example.com")
        ending = await rig.data(body=[b"second!"])
        assert ending.decision.outcome is Outcome.ACCEPTED
        assert next(step for step in ending.steps if isinstance(step, AddHeader)).value == "good@example.org"

    rig = Rig(nosy)
    run(rig, test)
    assert nosy.found == [None, None]
    assert nosy.results == [0, 0]
    assert [tally.size for tally in nosy.tallies] == [5, 7]
    assert nosy.decisions == [("bad@example.org", outcome), ("good@example.org", Outcome.ACCEPTED)]
    second = rig.seen.records[1]
    assert [str(recipient) for recipient in second.envelope.recipients] == ["second@example.com"]
    assert second.size == len("From: a@example.org\r\n") + 7
    assert second.authentication_results == "mx.example.com;\n\tauth=pass"


class Judge:
    """Does what the local part of the sender says."""

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        verdicts: dict[str, Verdict] = {
            "reject-now": Reject(),
            "defer-now": Defer(),
            "quarantine": Quarantine(),
            "discard": Discard(),
        }
        if envelope.sender.local in verdicts:
            yield verdicts[envelope.sender.local]

    @hookimpl
    def end_of_message(self, envelope: Envelope) -> Iterator[Effect]:
        verdicts: dict[str, Verdict] = {"reject": Reject(), "defer": Defer()}
        if envelope.sender.local in verdicts:
            yield verdicts[envelope.sender.local]

    @hookimpl
    def rcpt_to(self, envelope: Envelope) -> Iterator[Effect]:
        if envelope.sender.local == "refuse-all":
            yield Reject()


ENDS = [
    ("accept", Outcome.ACCEPTED),
    ("reject-now", Outcome.REJECTED),
    ("reject", Outcome.REJECTED),
    ("defer-now", Outcome.DEFERRED),
    ("defer", Outcome.DEFERRED),
    ("quarantine", Outcome.QUARANTINED),
    ("discard", Outcome.DISCARDED),
    ("refuse-all", Outcome.REJECTED),
]


async def through(rig: Rig, local: str) -> None:
    """Send what the client of a refused envelope would send, and what a careless MTA sends after it."""
    await rig.mail(f"{local}@example.org")
    await rig.rcpt()
    if local == "refuse-all":
        await rig.connection.abort()
    await rig.connection.end_of_headers([FROM], None)
    await rig.connection.body(b"x")
    await rig.connection.end_of_message(None)
    await rig.connection.end_of_message(None)
    await rig.connection.abort()
    await rig.connection.fail()


@pytest.mark.parametrize(("local", "outcome"), ENDS)
def test_an_envelope_is_decided_exactly_once_whatever_its_end(local: str, outcome: Outcome) -> None:
    nosy = Nosy()
    rig = Rig(Judge(), nosy)
    run(rig, lambda rig: through(rig, local))
    assert rig.seen.outcomes == [outcome]
    assert nosy.decisions == [(f"{local}@example.org", outcome)]


@pytest.mark.parametrize("stage", range(4))
def test_an_envelope_whose_client_goes_is_aborted_once(stage: int) -> None:
    async def test(rig: Rig) -> None:
        await rig.mail()
        if stage > 0:
            await rig.rcpt()
        if stage > 1:
            await rig.connection.end_of_headers([FROM], None)
        if stage > 2:
            await rig.connection.body(b"x")
        await rig.connection.close()
        await rig.connection.close()

    rig = Rig(Nosy())
    run(rig, test)
    assert rig.seen.outcomes == [Outcome.ABORTED]
    assert rig.seen.sessions == ["connected", "closed"]


def test_the_sum_over_the_outcomes_equals_the_envelopes_begun() -> None:
    async def test(rig: Rig) -> None:
        for local, _ in ENDS:
            await through(rig, local)
        for end in (rset, second_mail, failed):
            await rig.mail()
            await end(rig)

    rig = Rig(Judge(), Nosy())
    run(rig, test)
    assert rig.sample("relayguard_envelopes_begun_total") == len(ENDS) + 3
    assert rig.sample("relayguard_envelopes_total") == len(ENDS) + 3
    assert rig.sample("relayguard_sessions_active") == 0


def test_events_without_an_envelope_mean_nothing() -> None:
    async def test(rig: Rig) -> None:
        assert await rig.rcpt() is None
        await rig.connection.end_of_headers([FROM], None)
        await rig.connection.body(b"x")
        assert await rig.connection.end_of_message(None) is None
        await rig.connection.abort()

    rig = Rig(Nosy())
    run(rig, test)
    assert rig.seen.records == []


def test_a_connection_that_never_began_is_not_closed() -> None:
    rig = Rig()
    asyncio.run(rig.connection.close())
    assert rig.seen.sessions == []


class Door:
    """Refuses by address, and by HELO; keeps the session."""

    def __init__(self) -> None:
        self.session: Session | None = None

    @hookimpl
    def connect(self, session: Session) -> Iterator[Effect]:
        self.session = session
        if session.client_name == "bad.example":
            yield Reject(code=554, text="Go away")

    @hookimpl
    def helo(self, session: Session) -> Iterator[Effect]:
        if session.helo == "localhost":
            yield Defer()


def connected(client: Client) -> Session:
    door = Door()
    rig = Rig(door)
    asyncio.run(rig.connection.connect(client))
    assert door.session is not None
    return door.session


@pytest.mark.parametrize(
    ("client", "trust"),
    [
        pytest.param(STRANGER, "", id="stranger"),
        pytest.param(Client(ip_address("127.0.0.1")), "local", id="loopback"),
        pytest.param(Client(ip_address("::ffff:127.0.0.1")), "local", id="mapped loopback"),
        pytest.param(Client(None), "local", id="no address: a local program"),
        pytest.param(Client(None, lost=True), "", id="address lost: a stranger"),
        pytest.param(Client(ip_address("198.51.100.7")), "submission", id="submission network"),
        pytest.param(Client(ip_address("203.0.113.7")), "relay", id="trusted relay"),
    ],
)
def test_who_is_trusted_follows_from_the_address(client: Client, trust: str) -> None:
    session = connected(client)
    facts = {"local": session.local, "submission": session.submission_network, "relay": session.trusted_relay}
    assert {name for name, fact in facts.items() if fact} == ({trust} if trust else set())


def test_the_name_of_a_client_is_made_printable() -> None:
    session = connected(Client(ip_address("192.0.2.1"), "a\r\nb" + "x" * 1000, 25, {"{daemon_name}": "smtpd"}))
    assert session.client_name.startswith("a??b")
    assert len(session.client_name) == 512
    assert (session.client_port, session.daemon_name, session.listener) == (25, "smtpd", "default")


def test_a_refusal_at_connect_or_helo_is_told() -> None:
    async def test() -> None:
        rig = Rig(Door())
        assert await rig.connection.connect(Client(ip_address("192.0.2.1"), "bad.example")) == Reject(
            code=554, text="Go away"
        )
        rig = Rig(Door())
        assert await rig.connection.connect(STRANGER) is None
        assert await rig.connection.helo("localhost", {}) == Defer()
        assert await rig.connection.helo("client.example", {}) is None

    asyncio.run(test())


def test_in_shadow_mode_for_one_role_nobody_is_refused_before_the_role_is_known() -> None:
    modes = dict.fromkeys(Role, Mode.ENFORCE) | {Role.SUBMISSION: Mode.SHADOW}
    rig = Rig(Door(), policy=Policy(modes))
    assert asyncio.run(rig.connection.connect(Client(ip_address("192.0.2.1"), "bad.example"))) is None


def test_what_would_have_refused_the_session_would_have_refused_each_envelope() -> None:
    async def test() -> Rig:
        rig = Rig(Door(), policy=SHADOW)
        await rig.connection.connect(Client(ip_address("192.0.2.1"), "bad.example"))
        await rig.connection.helo("client.example", {})
        await rig.message()
        await rig.message()
        return rig

    assert [record.would_be.outcome for record in asyncio.run(test()).seen.records] == [Outcome.REJECTED] * 2


class Greeting(Result):
    """What was said."""

    def reported(self) -> Reported:
        return Reported("x-greeting", "pass")


class Greeter:
    @hookimpl
    def connect(self) -> Iterator[Effect]:
        yield AuthResult()

    @hookimpl
    def helo(self) -> Iterator[Effect]:
        yield Greeting()


def test_a_second_helo_replaces_what_was_found_at_the_first() -> None:
    async def test(rig: Rig) -> None:
        await rig.connection.helo("client.example", {"{tls_version}": "TLSv1.3"})
        await rig.message()
        await rig.message()

    rig = Rig(Greeter())
    run(rig, test)
    assert [list(record.results) for record in rig.seen.records] == [[AuthResult(), Greeting()]] * 2
    assert rig.seen.records[0].authentication_results == "mx.example.com;\n\tauth=pass;\n\tx-greeting=pass"


@pytest.mark.parametrize(
    ("macros", "tls"),
    [
        ({}, None),
        (
            {"{tls_version}": "TLSv1.3", "{cipher}": "AES", "{cipher_bits}": "256"},
            Tls("TLSv1.3", "AES", 256),
        ),
        ({"{tls_version}": "TLSv1.3", "{cipher_bits}": "many"}, Tls("TLSv1.3", "", None)),
        ({"{tls_version}": "TLSv1.3", "{cipher_bits}": "9" * 5000}, Tls("TLSv1.3", "", None)),
    ],
)
def test_tls_is_what_the_mta_says_at_helo(macros: dict[str, str], tls: Tls | None) -> None:
    async def test(rig: Rig) -> None:
        await rig.connection.helo("client.example", macros)
        await rig.message()

    rig = Rig()
    run(rig, test)
    assert rig.seen.records[0].session.tls == tls


def test_an_envelope_has_the_facts_of_its_mail_from() -> None:
    async def test(rig: Rig) -> None:
        macros = {"i": "4EARLY", "{auth_authen}": "alice", "{auth_type}": "PLAIN", "{auth_ssf}": "256"}
        await rig.connection.mail_from(b"<Alice@Example.COM>", ["SIZE=100", "SMTPUTF8"], macros)
        await rig.rcpt()
        await rig.connection.end_of_headers([FROM], None)
        await rig.connection.end_of_message(None)

    rig = Rig()
    run(rig, test)
    envelope = rig.seen.records[0].envelope
    assert str(envelope.sender) == "Alice@example.com"
    assert (envelope.role, envelope.login, envelope.login_method) == (Role.SUBMISSION, "alice", "PLAIN")
    assert (envelope.declared_size, envelope.smtputf8, envelope.queue_id) == (100, True, "4EARLY")
    assert envelope.macros["{auth_ssf}"] == "256"


def test_a_queue_id_is_known_as_soon_as_the_mta_has_one() -> None:
    rig = Rig()
    send(rig)
    assert rig.seen.records[0].envelope.queue_id == "4ABC"


def test_each_connection_of_a_pipeline_is_its_own() -> None:
    async def test() -> None:
        rig = Rig(Nosy())
        first, second = rig.pipeline.open(), rig.pipeline.open()
        for connection in (first, second):
            await connection.connect(STRANGER)
            await connection.mail_from(b"<a@example.org>", [], {})
        await first.close()
        assert not first.in_transaction
        assert second.in_transaction
        await second.close()
        assert rig.seen.outcomes == [Outcome.ABORTED] * 2

    asyncio.run(test())
