import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Mailbox, parse_path, read_authors
from relayguard.testing import some_headers
from relayguard_plugins.spoof.names import (
    MAX_NAME,
    addresses_in,
    covered,
    domains_in,
    hidden,
    legible,
    shown_names,
)
from relayguard_plugins.spoof.signals import Signal

PROTECTED = ("example.com",)


def protected(domain: str) -> str | None:
    return covered(domain, PROTECTED)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Jane Doe", False),
        ("boss@example.com", True),
        ("Boss (boss@example.com)", True),
        ("help@sub.author.example", False),
        ("boss @ example.com", False),
        ("boss@localhost", False),
    ],
)
def test_another_address_in_the_name_is_a_signal(name: str, *, found: bool) -> None:
    assert [each.signal for each in addresses_in(name, "author.example")] == [Signal.NAME_ADDRESS] * found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("example.com", True),
        ("EXAMPLE.COM support", True),
        ("Support at mail.example.com.", True),
        ("boss@example.com", True),
        ("myexample.com", False),
        ("example.community", False),
        ("Version 2.0", False),
    ],
)
def test_a_protected_domain_in_the_name_is_a_signal(name: str, *, found: bool) -> None:
    assert [each.signal for each in domains_in(name, "author.example", protected)] == [Signal.NAME_DOMAIN] * found
    assert list(domains_in(name, "mail.example.com", protected)) == []


def from_(field: str, sender: bytes = b"jane@author.example") -> list[Signal]:
    headers = some_headers(f"From: {field}\r\n\r\n")
    mailboxes = read_authors(headers).mailboxes
    names = shown_names(headers, mailboxes)
    return [each.signal for each in hidden(headers, mailboxes, names, parse_path(sender), unread=not mailboxes)]


@pytest.mark.parametrize(
    "field",
    [
        "Ja\u200bne <jane@author.example>",
        "\u202emoc.elpmaxe <jane@author.example>",
        "boss@example.com" + "\u00a0" * 60 + "<jane@author.example>",
        "=?utf-8?B?4oCLSmFuZQ==?= <jane@author.example>",
        "<@relay.example:jane@author.example>",
        "exam\U000e0061ple.com support <jane@author.example>",
        "exam\u034fple.com support <jane@author.example>",
        "Jane\u3164 <jane@author.example>",
        "Ja\u202ane\u202c <jane@author.example>",
        "\u202bJane <jane@author.example>",
        "=?utf8mb4?Q?Jane?= <jane@author.example>",
        "=?utf-8?B?PGphbmVAYXV0aG9yLmV4YW1wbGU+?=,<jane@author.example>",
        "=?utf-8?B?<jane@author.example>?=,<jane@author.example>",
    ],
)
def test_what_hides_what_the_field_says_is_a_signal(field: str) -> None:
    assert from_(field) == [Signal.HIDDEN_TEXT]


def test_a_route_in_mail_from_is_one_too_and_a_null_sender_or_a_malformed_one_is_none() -> None:
    assert from_("<jane@author.example>", b"<@relay.example:jane@author.example>") == [Signal.HIDDEN_TEXT]
    assert from_("<jane@author.example>", b"<>") == []
    assert from_("<jane@author.example>", b"@relay.example:") == []


@pytest.mark.parametrize(
    "field",
    [
        "Jane Doe <jane@author.example>",
        "J\u00fcrgen <j@author.example>",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 <j@author.example>",
        "\u200f\u0623\u062d\u0645\u062f\u200f <a@author.example>",
        "\U0001f469\u200d\U0001f4bb Jane <j@author.example>",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f <j@author.example>",
        "\u0c95\u0ccd\u200d\u0cb7 <j@author.example>",
        "\u1780\u200b\u1781 <j@author.example>",
        "\U0001fae9 Jane <j@author.example>",
        "\u202aJane Roe\u202c <j@author.example>",
        "\u200eJane Roe <j@author.example>",
        "=?iso-8859-1?Q?example.com_=96_Support?= <j@author.example>",
    ],
)
def test_what_a_writing_needs_hides_nothing(field: str) -> None:
    assert from_(field) == []


def test_no_more_of_a_name_is_looked_at_than_readers_show() -> None:
    (name,) = shown_names(some_headers("\r\n"), [Mailbox("x" * 10_000, "a", "author.example")])
    assert len(name) == MAX_NAME


@pytest.mark.parametrize(
    "field",
    [
        "Jane Doe <x@author.example>",
        "x@author.example (Jane Doe)",
        "=?utf-8?B?SmFuZSBEb2U?= <x@author.example>",
        "=?cp1252?Q?J=61ne_D=6Fe?= <x@author.example>",
        "x@author.example, Jane Doe <y@author.example>",
        '"Jane Doe": x@author.example;',
        r"x@author.example (Jane\ Doe)",
        "=?latin1?Q?Jane_Doe?= <x@author.example>",
        "=?ks_c_5601-1987?B?SmFuZSBEb2U=?= <x@author.example>",
    ],
)
def test_a_name_is_found_wherever_readers_show_one(field: str) -> None:
    headers = some_headers(f"From: {field}\r\n\r\n")
    assert "Jane Doe" in shown_names(headers, read_authors(headers).mailboxes)


@pytest.mark.parametrize("comment", ["Jane Doe (CEO)", "Jane Doe ()", 'Jane "JD" Doe', "Jane ((x)) Doe"])
def test_a_comment_is_read_with_those_within_it(comment: str) -> None:
    headers = some_headers(f'From: "(" <x@author.example> ({comment})\r\n\r\n')
    assert comment in shown_names(headers, read_authors(headers).mailboxes)


@pytest.mark.parametrize(
    "name",
    [
        "boss\uff20example\u3002com",
        "exam\u200bple.com",
        "exam\u034fple.com",
        ".example.com help",
        "example.com@support",
    ],
)
def test_a_domain_is_seen_as_readers_see_it(name: str) -> None:
    assert [each.signal for each in domains_in(legible(name), "author.example", protected)] == [Signal.NAME_DOMAIN]


def test_what_is_known_of_a_person_is_no_other_address_and_no_other_domain() -> None:
    name, known = "Jane (JANE@example.com) at example.com", ["jane@example.com"]
    assert list(addresses_in(name, "author.example", known)) == []
    assert list(domains_in(name, "author.example", protected, known)) == []
    assert [each.signal for each in addresses_in(f"{name} x@y.example", "author.example", known)] == [
        Signal.NAME_ADDRESS
    ]
    assert [each.signal for each in domains_in(name, "author.example", protected, ["jane@home.example"])] == [
        Signal.NAME_DOMAIN
    ]


@given(st.text(max_size=MAX_NAME))
def test_whatever_stands_in_a_name_is_looked_at_without_harm(name: str) -> None:
    list(addresses_in(name, "author.example"))
    list(domains_in(name, "author.example", protected))


@pytest.mark.parametrize("name", ["a." * 200, "a@" * 200, "-" * 400, "@" * 400, "a" * 400, ". " * 200])
def test_a_name_made_to_be_slow_is_not(name: str) -> None:
    list(addresses_in(name, "author.example"))
    list(domains_in(name, "author.example", protected))
