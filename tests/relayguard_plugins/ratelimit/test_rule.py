from math import inf
from pathlib import Path
from typing import Any

import pytest

from relayguard import Defer, Quarantine, Reject, Role, Session, Standing, parse_path
from relayguard.files import OperatorFiles
from relayguard.testing import a_session, an_envelope, some_headers
from relayguard_plugins.ratelimit.conditions import Conditions
from relayguard_plugins.ratelimit.facts import Fact, Known
from relayguard_plugins.ratelimit.options import RuleOptions
from relayguard_plugins.ratelimit.rule import Rule, coming_back


def a_rule(limit: str = "10 recipients per hour", key: str = "login", **more: Any) -> Rule:
    options = RuleOptions(name="logins", limit=limit, key=tuple(Fact(word) for word in key.split()), **more)
    return Rule(options, OperatorFiles())


def known(session: Session | None = None, **envelope: Any) -> Known:
    facts = {"role": Role.SUBMISSION, "login": "bob"} | envelope
    return Known(session or a_session(), an_envelope(**facts), parse_path(b"eve@example.net"))


def keys(rule: Rule, about: Known) -> list[str]:
    return [charge.key for charge in rule.charges(about)]


def test_a_key_is_made_of_all_its_facts() -> None:
    assert keys(a_rule(key="login network"), known()) == ["bob 192.0.2.0/24"]


def test_a_rule_is_not_about_who_lacks_a_part_of_its_key() -> None:
    assert keys(a_rule(), known(login=None, role=Role.INCOMING)) == []


def test_a_rule_is_for_what_meets_all_its_conditions_and_spares_what_meets_any_exemption() -> None:
    rule = a_rule(
        match=Conditions(role=(Role.SUBMISSION,), sender=("example.org",)),
        exempt=Conditions(login=("alice",), recipient=("example.com",)),
    )
    assert keys(rule, known()) == ["bob"]
    assert keys(rule, known(sender="a@example.net")) == []
    assert keys(rule, known(login="alice")) == []


def test_mail_of_this_host_is_spared_unless_the_rule_names_it() -> None:
    local = known(role=Role.LOCAL, login=None)
    assert keys(a_rule(key="sender"), local) == []
    assert keys(a_rule(key="sender", match=Conditions(role=(Role.LOCAL,))), local) == ["sender@example.org"]
    assert keys(a_rule("9 connections per hour", "client"), Known(a_session(local=True))) == []


def test_a_relay_of_ours_is_not_counted_as_a_client() -> None:
    relay = known(a_session(trusted_relay=True), role=Role.INCOMING, login=None)
    assert keys(a_rule(key="network"), relay) == []
    assert keys(a_rule(key="sender_domain"), relay) == ["example.org"]


def test_each_signature_of_a_message_has_a_counter() -> None:
    headers = some_headers("DKIM-Signature: b=abcd\r\nDKIM-Signature: b=efgh\r\n\r\n")
    about = Known(a_session(), an_envelope(), headers=headers)
    assert len(a_rule("5 messages per day", "dkim_signature").charges(about)) == 2


def test_each_recipient_is_a_member_where_they_are_told_apart() -> None:
    (charge,) = a_rule("10 distinct recipients per hour").charges(known())
    assert charge.member == "eve@example.net"


@pytest.mark.parametrize(
    ("limit", "key", "same"),
    [
        ("10 recipients per hour", "login", True),
        ("10 recipients per hour", "login recipient_domain", False),
        ("10 distinct recipients per hour", "login", False),
    ],
)
def test_what_is_charged_for_each_recipient_is_the_same_if_the_rule_asks_for_none(
    limit: str, key: str, *, same: bool
) -> None:
    assert a_rule(limit, key).same_for_all_recipients is same


def test_a_single_key_may_have_a_limit_of_its_own_or_none(tmp_path: Path) -> None:
    path = tmp_path / "overrides.toml"
    path.write_text('"bob" = "99 recipients per day"\n"alice" = "unlimited"\n')
    rule = a_rule(overrides=path)
    (charge,) = rule.charges(known())
    assert charge.limit.amount == 99
    assert rule.charges(known(login="alice")) == []
    assert (
        "its own limit of 99"
        in rule.result(charge, Standing(admitted=False, used=1.0, left=0, retry_after=5.0)).noted()
    )


@pytest.mark.parametrize(
    ("limit", "key", "action", "verdict"),
    [
        (
            "9 recipients per hour",
            "login",
            "defer",
            Defer(text="Too many recipients, try again in 13 minutes", code=450, enhanced="4.7.1"),
        ),
        (
            "9 connections per hour",
            "client",
            "defer",
            Defer(text="Too many connections, try again in 13 minutes", code=421, enhanced="4.7.0"),
        ),
        ("9 recipients per hour", "login", "reject", Reject(text="Too many recipients, try again in 13 minutes")),
        ("9 messages per hour", "login", "quarantine", Quarantine(reason="over the limit logins")),
        ("9 messages per hour", "login", "shadow", None),
    ],
)
def test_what_goes_beyond_the_limit_is_answered_as_the_rule_says(
    limit: str, key: str, action: str, verdict: object
) -> None:
    rule = a_rule(limit, key, action=action)
    assert rule.verdict(Standing(admitted=False, used=1.0, left=0, retry_after=725.0)) == verdict


@pytest.mark.parametrize("action", ["defer", "reject"])
def test_what_will_never_be_admitted_is_refused_for_good(action: str) -> None:
    never = Standing(admitted=False, used=0.0, left=10, retry_after=inf)
    assert a_rule(action=action).verdict(never) == Reject(text="More recipients at once than are ever admitted")
    too_large = a_rule("9 MB per day", action=action).verdict(never)
    assert too_large == Reject(text="More bytes at once than are ever admitted", code=552, enhanced="5.2.3")


@pytest.mark.parametrize(
    ("action", "binding"), [("defer", True), ("reject", True), ("quarantine", False), ("shadow", False)]
)
def test_only_what_is_refused_is_not_counted_elsewhere(action: str, *, binding: bool) -> None:
    assert a_rule(action=action).charges(known())[0].binding is binding


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, ", try again in 1 second"),
        (59.1, ", try again in 60 seconds"),
        (121, ", try again in 3 minutes"),
        (3600, ", try again in 60 minutes"),
        (7300, ", try again in 3 hours"),
        (200_000, ", try again in 3 days"),
        (inf, ", and more at once than is ever admitted"),
    ],
)
def test_when_to_come_back_is_said_so_that_people_can_remember_it(seconds: float, text: str) -> None:
    assert coming_back(seconds) == text
