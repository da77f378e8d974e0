import asyncio
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address

from relayguard import AuthResult, Cap, Effect, Question, RecordType, Role, Status
from relayguard.testing import (
    NOON,
    CountedMetrics,
    FrozenClock,
    a_session,
    an_envelope,
    collect,
    some_headers,
    some_services,
)


def test_a_session_has_sensible_defaults_that_can_be_overruled() -> None:
    assert (a_session().client_address, a_session().helo) == (ip_address("192.0.2.1"), "client.example")
    session = a_session("2001:db8::1", helo="x.example", local=True)
    assert (session.client_address, session.helo, session.local) == (ip_address("2001:db8::1"), "x.example", True)


def test_an_envelope_is_incoming_mail_unless_it_is_said_otherwise() -> None:
    assert (str(an_envelope().sender), an_envelope().role) == ("sender@example.org", Role.INCOMING)
    envelope = an_envelope("", Role.LOCAL, queue_id="4ABC")
    assert envelope.sender.is_null
    assert (envelope.role, envelope.queue_id) == (Role.LOCAL, "4ABC")


def test_headers_are_read_from_the_text_of_a_message() -> None:
    headers = some_headers("From: a@x.example\nSubject: one\n two\n\nbody")
    assert [(header.name, header.value) for header in headers] == [
        ("From", b" a@x.example"),
        ("Subject", b" one\r\n two"),
    ]
    assert some_headers(b"X: \xff\n")[0].value == b" \xff"


def test_time_stands_still_until_it_is_told_to_go_on() -> None:
    clock = FrozenClock()
    assert clock.now() == clock.now() == NOON
    clock.advance(60)
    assert clock.now() == NOON + 60


def test_services_answer_from_a_zone() -> None:
    services = some_services('example.com. IN TXT "hello"')
    answer = asyncio.run(services.resolver.resolve(Question("example.com", RecordType.TXT)))
    assert (answer.status, answer.texts) == (Status.FOUND, (b"hello",))


def test_metrics_remember_what_was_counted() -> None:
    metrics = CountedMetrics()
    metrics.cap_hit(Cap.DNS_QUERIES)
    assert metrics.caps == [Cap.DNS_QUERIES]


def test_what_a_hook_yields_is_collected_however_it_is_written() -> None:
    def plain() -> Iterator[Effect]:
        yield AuthResult()

    async def stream() -> AsyncIterator[Effect]:
        await asyncio.sleep(0)
        yield AuthResult()

    assert collect(plain()) == collect(stream()) == [AuthResult()]
    assert collect(None) == []
