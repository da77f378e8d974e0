from ipaddress import ip_network
from typing import Any

import pytest

from relayguard import Role, parse_path
from relayguard.testing import a_session, an_envelope, some_headers
from relayguard_plugins.ratelimit.conditions import Conditions, checks_of
from relayguard_plugins.ratelimit.facts import Fact, Known

KNOWN = Known(
    a_session("192.0.2.7", listener="in"),
    an_envelope("bob@mail.example.org", Role.SUBMISSION, login="Bob@Example.org"),
    parse_path(b"eve@example.net"),
    some_headers("From: a@news.author.example\r\n\r\n"),
)


@pytest.mark.parametrize(
    ("table", "matches"),
    [
        ({"listener": ("in", "out")}, True),
        ({"listener": ("out",)}, False),
        ({"role": (Role.SUBMISSION,)}, True),
        ({"role": (Role.INCOMING,)}, False),
        ({"login": ("bob@example.org",)}, True),
        ({"login": ("@example.org",)}, True),
        ({"login": ("example.org",)}, False),
        ({"login": ("eve",)}, False),
        ({"sender": ("BOB@mail.example.org",)}, True),
        ({"sender": ("example.org",)}, True),
        ({"sender": ("@example.org",)}, True),
        ({"sender": ("ample.org",)}, False),
        ({"sender": ("alice@mail.example.org",)}, False),
        ({"recipient": ("example.net",)}, True),
        ({"recipient": ("bob@example.net",)}, False),
        ({"author": ("author.example",)}, True),
        ({"author": ("example.org",)}, False),
    ],
)
def test_a_condition_is_met_by_any_of_what_it_names(table: dict[str, Any], *, matches: bool) -> None:
    assert all(test(KNOWN) for test in checks_of(Conditions(**table))) is matches


def test_nobody_logs_in_or_writes_where_there_is_no_envelope_yet() -> None:
    conditions = Conditions(
        role=(Role.INCOMING,),
        login=("bob",),
        sender=("example.org",),
        recipient=("a.example",),
        author=("a.example",),
    )
    assert not any(test(Known(a_session())) for test in checks_of(conditions))


def test_what_is_asked_for_is_what_was_said() -> None:
    assert Conditions(login=("bob",), author=("a.example",)).facts == {Fact.LOGIN, Fact.AUTHOR_DOMAIN}
    assert Conditions().facts == set()


@pytest.mark.parametrize("table", [{"login": ("",)}, {"listener": ("",)}])
def test_an_empty_name_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an empty name is nobody's"):
        Conditions(**table)


def test_a_network_of_ipv4_in_the_dress_of_ipv6_is_refused_for_no_client_is_in_it() -> None:
    with pytest.raises(ValueError, match="is IPv4: write it so"):
        Conditions(client=(ip_network("::ffff:192.0.2.0/120"),))


@pytest.mark.parametrize(
    "table", [{"sender": ("a b",)}, {"recipient": ("bob@",)}, {"author": ("bob@example.org",)}, {"author": ("",)}]
)
def test_what_is_no_address_and_no_domain_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no"):
        Conditions(**table)
