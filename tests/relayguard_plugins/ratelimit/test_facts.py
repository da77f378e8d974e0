from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Role, Session, Stage, parse_path
from relayguard.testing import a_session, an_envelope, some_headers
from relayguard_plugins.ratelimit.facts import (
    KNOWN_AT,
    MAX_SIGNATURES,
    Fact,
    Known,
    Reading,
    mailbox,
    reader_of,
    shown,
)


def read(fact: Fact, known: Known, reading: Reading | None = None) -> list[str]:
    return list(reader_of(fact, reading or Reading())(known))


def test_each_fact_is_known_at_a_stage_and_can_be_read() -> None:
    assert set(KNOWN_AT) == set(Fact)
    known = Known(
        a_session("192.0.2.7", listener="in"),
        an_envelope("Bob@Example.org", Role.SUBMISSION, login="Bob"),
        parse_path(b"Eve@example.net"),
        some_headers("From: a@author.example\r\nDKIM-Signature: v=1; b=abcd;\r\n\r\n"),
    )
    found = {fact: read(fact, known) for fact in Fact if fact is not Fact.DKIM_SIGNATURE}
    assert found == {
        Fact.CLIENT: ["192.0.2.7"],
        Fact.NETWORK: ["192.0.2.0/24"],
        Fact.LISTENER: ["in"],
        Fact.ROLE: ["submission"],
        Fact.LOGIN: ["bob"],
        Fact.SENDER: ["bob@example.org"],
        Fact.SENDER_DOMAIN: ["example.org"],
        Fact.RECIPIENT: ["eve@example.net"],
        Fact.RECIPIENT_DOMAIN: ["example.net"],
        Fact.AUTHOR_DOMAIN: ["author.example"],
    }
    assert len(read(Fact.DKIM_SIGNATURE, known)) == 1


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
    ],
)
def test_a_client_belongs_to_its_network(client: str, network: str) -> None:
    assert read(Fact.NETWORK, Known(a_session(client))) == [network]


def test_how_large_a_network_is_can_be_said() -> None:
    assert read(Fact.NETWORK, Known(a_session("192.0.2.7")), Reading(ipv4=16)) == ["192.0.0.0/16"]
    assert read(Fact.NETWORK, Known(a_session("2001:db8::1")), Reading(ipv6=48)) == ["2001:db8::/48"]


def test_a_client_is_the_same_over_ipv4_and_in_its_dress_of_ipv6() -> None:
    assert read(Fact.CLIENT, Known(Session(client_address=ip_address("::ffff:192.0.2.7")))) == ["192.0.2.7"]


@pytest.mark.parametrize("fact", [fact for fact in Fact if fact not in (Fact.LISTENER, Fact.ROLE)])
def test_what_is_not_there_has_no_value(fact: Fact) -> None:
    known = Known(Session(client_address=None), an_envelope(""), parse_path(b""), some_headers("Subject: a\r\n\r\n"))
    assert read(fact, known) == []
    assert read(fact, Known(Session(client_address=None))) == []


def test_a_signature_is_the_same_however_it_is_folded() -> None:
    plain = some_headers("DKIM-Signature: v=1; d=example.com; bh=xyz=; b=abcdefgh\r\n\r\n")
    folded = some_headers("DKIM-Signature: v=1; b=abc\r\n\tdefgh ; d=example.com; bh=xyz=;\r\n\r\n")
    session = a_session()
    assert read(Fact.DKIM_SIGNATURE, Known(session, headers=plain)) == read(
        Fact.DKIM_SIGNATURE, Known(session, headers=folded)
    )


def test_of_many_signatures_a_few_are_counted_each_once() -> None:
    fields = "".join(f"DKIM-Signature: b=sig{number % 20:05d}\r\n" for number in range(40))
    assert len(read(Fact.DKIM_SIGNATURE, Known(a_session(), headers=some_headers(fields + "\r\n")))) == MAX_SIGNATURES


def test_a_signature_is_the_same_however_its_last_bits_are_spelt() -> None:
    one, other = (some_headers(f"DKIM-Signature: b={text}\r\n\r\n") for text in ("abcdeQ==", "abcdeR=="))
    session = a_session()
    assert read(Fact.DKIM_SIGNATURE, Known(session, headers=one)) == read(
        Fact.DKIM_SIGNATURE, Known(session, headers=other)
    )


def test_the_signature_of_the_author_is_counted_however_many_others_stand_above_it() -> None:
    sign = "DKIM-Signature: v=1; a=rsa-sha256; d={}; s=s; h=from; bh=AAAA; b={}\r\n"
    author = sign.format("example.org", "abcdefgh")
    junk = "".join(sign.format("junk.example", f"junk{number:04d}") for number in range(30))
    from_field = "From: a@example.org\r\n\r\n"
    (alone,) = read(Fact.DKIM_SIGNATURE, Known(a_session(), headers=some_headers(author + from_field)))
    assert alone in read(Fact.DKIM_SIGNATURE, Known(a_session(), headers=some_headers(junk + author + from_field)))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (b"<Bob@Example.org>", "bob@example.org"),
        (b'<"Bob"@example.org>', "bob@example.org"),
        (b'<"B\\ob"@example.org>', "bob@example.org"),
        (b"<bob+news@example.org>", "bob@example.org"),
        (b"<+x@example.org>", "+x@example.org"),
        (b"<bob>", "bob"),
        (b"<b..ob@Example.org>", "b..ob@example.org"),
        (b"<postmaster>", "postmaster"),
    ],
)
def test_a_mailbox_is_the_same_however_it_is_written_and_one_with_a_defect_counts(path: bytes, key: str) -> None:
    assert mailbox(parse_path(path), "+") == (key,)


def test_the_domain_of_an_address_with_a_defect_counts() -> None:
    known = Known(a_session(), an_envelope("b..ob@Example.org"), parse_path(b"<x..y@Victim.example>"))
    assert read(Fact.SENDER_DOMAIN, known) == ["example.org"]
    assert read(Fact.RECIPIENT_DOMAIN, known) == ["victim.example"]


def test_every_fact_is_known_before_the_message_ends() -> None:
    assert Stage.END_OF_MESSAGE not in KNOWN_AT.values()


@given(st.text(), st.text())
def test_what_stands_in_a_key_is_printable_short_and_never_that_of_another(one: str, other: str) -> None:
    for value in (one, other):
        assert shown(value).isascii()
        assert " " not in shown(value)
        assert len(shown(value)) <= 220
    assert (shown(one) == shown(other)) is (one == other)
