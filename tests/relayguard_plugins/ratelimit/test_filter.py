from dataclasses import replace
from typing import Any

import pytest

from relayguard import Defer, Effect, Envelope, Quarantine, Reject, Role, Services, Session, Watch, parse_path
from relayguard.pipeline.filters import Policy
from relayguard.pipeline.registry import Candidate, register
from relayguard.testing import a_session, an_envelope, collect, some_headers, some_services
from relayguard_plugins.ratelimit.conditions import Conditions
from relayguard_plugins.ratelimit.facts import Fact
from relayguard_plugins.ratelimit.filter import RatelimitFilter
from relayguard_plugins.ratelimit.options import Options, RuleOptions
from relayguard_plugins.ratelimit.rule import OverLimit

HEADERS = some_headers("From: a@example.org\r\nDKIM-Signature: b=abcd\r\n\r\n")


def rule(limit: str, key: str, name: str = "rule", **more: Any) -> RuleOptions:
    return RuleOptions(name=name, limit=limit, key=tuple(Fact(word) for word in key.split()), **more)


def a_filter(*rules: RuleOptions, services: Services | None = None) -> RatelimitFilter:
    return RatelimitFilter(Options(rule=rules), services or some_services())


def submitted(login: str = "bob") -> Envelope:
    return an_envelope(role=Role.SUBMISSION, login=login)


def recipients(each: RatelimitFilter, envelope: Envelope, number: int) -> list[list[Effect]]:
    return [
        collect(each.rcpt_to(a_session(), envelope, parse_path(f"r{count}@example.net".encode())))
        for count in range(number)
    ]


def verdicts(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if not isinstance(effect, OverLimit)]


def test_recipients_are_refused_one_by_one_when_the_limit_is_reached() -> None:
    each = a_filter(rule("10 recipients per hour", "login"))
    effects = recipients(each, submitted(), 12)
    assert effects[:10] == [[]] * 10
    for refused in effects[10:]:
        assert [type(effect) for effect in refused] == [OverLimit, Defer]
    assert recipients(each, submitted("alice"), 1) == [[]]


def test_the_limit_holds_across_envelopes() -> None:
    each = a_filter(rule("10 recipients per hour", "login"))
    assert sum(not effects for _ in range(4) for effects in recipients(each, submitted(), 3)) == 10


def test_all_rules_of_a_stage_are_asked_in_one_round_trip() -> None:
    services = some_services()
    asked: list[int] = []

    class Counting:
        def declare(self, limit: Any, about: Any) -> None:
            services.store.declare(limit, about)

        async def take(self, charges: Any) -> Any:
            asked.append(len(charges))
            return await services.store.take(charges)

    each = a_filter(
        rule("10 recipients per hour", "login", "one"),
        rule("10 recipients per day", "login", "two"),
        rule("10 distinct recipients per hour", "login", "three"),
        rule("10 recipients per hour", "login recipient_domain", "four"),
        services=replace(services, store=Counting()),
    )
    recipients(each, submitted(), 3)
    assert asked == [4, 4, 4]


def test_nobody_is_asked_about_mail_that_no_rule_is_for() -> None:
    services = replace(some_services(), store=None)  # type: ignore[arg-type]  # to be asked would raise
    with pytest.raises(AttributeError):
        a_filter(rule("10 recipients per hour", "login"), services=services)
    each = a_filter(rule("10 recipients per hour", "login"))
    each._store = None  # type: ignore[assignment]  # to be asked would raise
    assert recipients(each, an_envelope(), 2) == [[], []]


def test_a_connection_is_refused_before_anything_is_said() -> None:
    each = a_filter(rule("2 connections per minute", "client"))
    answers = [verdicts(collect(each.connect(a_session()))) for _ in range(3)]
    assert answers[:2] == [[], []]
    assert [getattr(effect, "code", None) for effect in answers[2]] == [421]


def test_a_message_is_refused_at_its_sender() -> None:
    each = a_filter(rule("2 messages per minute", "sender_domain", action="reject"))
    answers = [verdicts(collect(each.mail_from(a_session(), an_envelope()))) for _ in range(3)]
    assert [len(answer) for answer in answers] == [0, 0, 1]
    assert isinstance(answers[2][0], Reject)


def test_a_message_that_is_replayed_is_refused_whoever_sends_it() -> None:
    each = a_filter(rule("2 messages per day", "dkim_signature"))
    answers = [
        verdicts(collect(each.end_of_headers(a_session(f"192.0.2.{count}"), an_envelope(), HEADERS)))
        for count in range(3)
    ]
    assert [len(answer) for answer in answers] == [0, 0, 1]


def test_recipients_can_be_counted_by_what_only_the_headers_tell() -> None:
    each = a_filter(rule("5 recipients per day", "author_domain"))
    envelope = an_envelope()
    envelope.recipients += [parse_path(b"a@example.net"), parse_path(b"b@example.net")]
    answers = [verdicts(collect(each.end_of_headers(a_session(), envelope, HEADERS))) for _ in range(3)]
    assert [len(answer) for answer in answers] == [0, 0, 1]


def message(each: RatelimitFilter, envelope: Envelope, octets: int) -> list[Effect]:
    session = a_session()
    envelope.header_size = 60
    (watch,) = collect(each.end_of_headers(session, envelope, HEADERS))
    assert isinstance(watch, Watch)
    for _ in range(octets // 100):
        watch.reader.feed(b"x" * 100)
    return verdicts(collect(each.end_of_message(session, envelope, HEADERS)))


def test_octets_are_counted_as_they_come_headers_included() -> None:
    each = a_filter(rule("3 kB per day", "login"))
    assert message(each, submitted(), 1400) == []
    assert message(each, submitted(), 1400) == []
    assert len(message(each, submitted(), 100)) == 1


def test_a_message_greater_than_its_limit_is_never_admitted_and_says_so() -> None:
    each = a_filter(rule("3 kB per day", "login"))
    (refusal,) = message(each, submitted(), 4000)
    assert refusal == Reject(text="More bytes at once than are ever admitted", code=552, enhanced="5.2.3")
    assert message(each, submitted(), 1000) == []


def test_a_message_with_too_many_recipients_is_held_as_a_whole_if_the_rule_says_so() -> None:
    each = a_filter(rule("2 recipients per day", "login", action="quarantine"))
    envelope = submitted()
    assert all(not verdicts(effects) for effects in recipients(each, envelope, 4))
    assert verdicts(collect(each.end_of_headers(a_session(), envelope, HEADERS))) == [
        Quarantine(reason="over the limit rule")
    ]


def test_a_rule_in_shadow_tells_and_does_nothing() -> None:
    each = a_filter(rule("2 recipients per day", "login", action="shadow"))
    effects = recipients(each, submitted(), 3)
    assert [len(found) for found in effects] == [0, 0, 1]
    assert isinstance(effects[2][0], OverLimit)


def test_what_is_refused_by_one_rule_is_not_counted_by_another() -> None:
    each = a_filter(
        rule("2 recipients per day", "login recipient_domain", "domain"), rule("5 recipients per day", "login")
    )
    envelope = submitted()
    assert sum(not effects for effects in recipients(each, envelope, 10)) == 2
    other = [collect(each.rcpt_to(a_session(), envelope, parse_path(b"a@example.com"))) for _ in range(4)]
    assert sum(not effects for effects in other) == 2


def test_only_where_a_rule_is_asked_there_is_a_hook() -> None:
    def hooks(*rules: RuleOptions) -> set[str]:
        (found,) = register([Candidate("ratelimit", a_filter(*rules), Policy())])
        return {stage.value for stage in found.hooks}

    assert hooks() == set()
    assert hooks(rule("1 connection per hour", "client")) == {"connect"}
    assert hooks(rule("1 recipient per hour", "login")) == {"rcpt_to"}
    assert hooks(rule("1 recipient per hour", "login", action="quarantine")) == {"rcpt_to", "end_of_headers"}
    assert hooks(rule("1 MB per hour", "login")) == {"end_of_headers", "end_of_message"}


def test_a_rule_for_a_listener_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="rule: can never match: this filter runs on no listener 'out'"):
        a_filter(rule("1 message per hour", "client", match=Conditions(listener=("out",))))


def test_the_store_is_told_of_each_limit() -> None:
    services = some_services()
    a_filter(rule("200 recipients per hour, burst 50", "login"), services=services)
    _, about = services.store.declared["rule"]  # type: ignore[attr-defined]
    assert about == {
        "limit": "200 recipients per hour, burst 50",
        "key": "login",
        "action": "defer",
        "at": "rcpt_to",
    }


def test_sessions_without_an_address_have_no_network() -> None:
    each = a_filter(rule("1 connection per hour", "network"))
    assert [collect(each.connect(Session(client_address=None))) for _ in range(3)] == [[], [], []]
