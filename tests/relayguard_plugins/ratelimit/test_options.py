from ipaddress import ip_network
from typing import Any

import pytest

from relayguard import Role, Stage
from relayguard_plugins.ratelimit.conditions import Conditions
from relayguard_plugins.ratelimit.facts import Fact
from relayguard_plugins.ratelimit.options import Options, RuleOptions


def rule(
    name: str = "logins", limit: str = "200 recipients per hour", key: str = "login", **more: Any
) -> RuleOptions:
    return RuleOptions(name=name, limit=limit, key=tuple(Fact(word) for word in key.split()), **more)


@pytest.mark.parametrize(
    ("limit", "key", "more", "stage"),
    [
        ("9 connections per hour", "network listener", {}, Stage.CONNECT),
        ("9 messages per hour", "network", {}, Stage.MAIL_FROM),
        ("9 messages per hour", "login", {}, Stage.MAIL_FROM),
        ("9 messages per hour", "author_domain", {}, Stage.END_OF_HEADERS),
        ("9 messages per hour", "login", {"exempt": Conditions(author=("a.example",))}, Stage.END_OF_HEADERS),
        ("9 recipients per hour", "login", {}, Stage.RCPT_TO),
        ("9 recipients per hour", "recipient_domain", {}, Stage.RCPT_TO),
        ("9 recipients per hour", "dkim_signature", {}, Stage.END_OF_HEADERS),
        ("9 distinct recipients per hour", "login", {}, Stage.RCPT_TO),
        ("9 MB per hour", "login", {}, Stage.END_OF_MESSAGE),
    ],
)
def test_a_rule_is_asked_as_soon_as_all_it_is_about_is_known(
    limit: str, key: str, more: dict[str, Any], stage: Stage
) -> None:
    assert rule(limit=limit, key=key, **more).stage is stage


SUBMISSION = Conditions(role=(Role.SUBMISSION,))
INCOMING = Conditions(role=(Role.INCOMING,))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"name": "Per login"}, "a name is of a-z"),
        ({"limit": "many"}, "write such as"),
        ({"key": ""}, "at least one fact"),
        ({"key": "login login"}, "none of them twice"),
        ({"ipv4_prefix": 33}, "ipv4_prefix must be 8 to 32"),
        ({"ipv6_prefix": 1}, "ipv6_prefix 16 to 128"),
        ({"limit": "9 connections per hour"}, "where login is not known; count messages"),
        ({"limit": "9 messages per hour", "key": "recipient"}, "where recipient is not known; count recipients"),
        ({"limit": "9 MB per hour", "key": "recipient_domain"}, "can never match"),
        ({"limit": "9 distinct recipients per hour", "key": "dkim_signature"}, "can never match"),
        ({"key": "recipient author_domain"}, "can never match: recipients are known one by one"),
        ({"limit": "9 connections per hour", "key": "client", "action": "quarantine"}, "cannot be quarantined"),
        ({"match": Conditions(login=())}, "can never match: match.login is empty"),
        ({"match": INCOMING}, "can never match: who has logged in submits"),
        (
            {"key": "network", "match": Conditions(role=(Role.LOCAL,), login=("bob",))},
            "can never match: who has logged",
        ),
        ({"match": SUBMISSION, "exempt": SUBMISSION}, "can never match: all of match.role is exempt"),
        ({"match": Conditions(login=("bob",)), "exempt": Conditions(login=("Bob",))}, "all of match.login is exempt"),
        (
            {"match": Conditions(login=("bob@example.org",)), "exempt": Conditions(login=("@Example.org",))},
            "all of match.login is exempt",
        ),
        (
            {
                "match": Conditions(client=(ip_network("192.0.2.1/32"),)),
                "exempt": Conditions(client=(ip_network("2001:db8::/32"), ip_network("192.0.2.0/24"))),
            },
            "all of match.client is exempt",
        ),
        (
            {"match": Conditions(sender=("a@mail.example.com",)), "exempt": Conditions(sender=("example.com",))},
            "all of match.sender is exempt",
        ),
        ({"exempt": SUBMISSION}, "every role that it could be about is exempt"),
        (
            {"exempt": Conditions(client=(ip_network("0.0.0.0/0"), ip_network("::/0"))), "key": "network"},
            "every client is exempt",
        ),
        ({"delimiter": "@"}, "delimiter must be one character"),
        ({"limit": "9 recipients per 900 weeks"}, "a period is at most 53 weeks"),
        ({"exempt": Conditions(recipient=("a.example",)), "limit": "9 messages per day"}, "recipient is not known"),
    ],
)
def test_a_rule_that_can_never_match_is_refused_and_named(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        rule(**wrong)
    assert str(error.value).startswith(f"{wrong.get('name', 'logins')}: ")


def test_two_rules_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="two rules are called 'logins'"):
        Options(rule=(rule(), rule(key="sender")))


@pytest.mark.parametrize(
    ("limit", "other"),
    [
        ("200 recipients per hour", "100 recipients per hour"),
        ("200 recipients per hour", "200 recipients per 60 minutes"),
        ("200 recipients per hour, burst 20", "100 recipients per hour, burst 10"),
        ("200 recipients per hour, burst 20", "200 recipients per hour, burst 10"),
    ],
)
def test_of_two_rules_about_the_same_one_that_would_never_do_anything_is_refused(limit: str, other: str) -> None:
    for first, second in ((limit, other), (other, limit)):
        with pytest.raises(ValueError, match="logins and others contradict each other"):
            Options(rule=(rule(limit=first), rule("others", second)))


@pytest.mark.parametrize(
    "other",
    [
        {"limit": "200 recipients per day"},
        {"limit": "200 messages per hour"},
        {"limit": "200 recipients per hour, burst 20"},
        {"limit": "1000 recipients per hour", "action": "reject"},
        {"key": "sender"},
        {"match": SUBMISSION},
        {"limit": "100 recipients per hour", "action": "shadow"},
    ],
)
def test_rules_about_different_things_stand_beside_each_other(other: dict[str, Any]) -> None:
    assert len(Options(rule=(rule(), rule("others", **other))).rule) == 2


def test_a_slow_rate_with_a_great_burst_stands_beside_a_fast_one_with_a_small_burst() -> None:
    slow, fast = rule(limit="200 recipients per hour, burst 100"), rule("b", "3600 recipients per hour, burst 10")
    assert len(Options(rule=(slow, fast)).rule) == 2


def test_the_order_in_which_conditions_are_written_makes_no_difference() -> None:
    one, other = (Conditions(login=names) for names in (("a", "b"), ("b", "a")))
    with pytest.raises(ValueError, match="contradict each other"):
        Options(rule=(rule(match=one), rule("others", "100 recipients per hour", match=other)))
