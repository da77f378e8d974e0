import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Headers, parse_path
from relayguard.testing import some_headers
from relayguard_plugins.sender_login.claims import SHOWN, Claim, Identity, claim_of_envelope, claims_of


def claims(text: str) -> list[Claim]:
    return list(claims_of(some_headers(text)))


def test_each_identity_has_a_name_for_people() -> None:
    assert set(SHOWN) == set(Identity)


def test_an_envelope_claims_its_sender() -> None:
    assert claim_of_envelope(parse_path(b"<Bob@example.com>")) == Claim(Identity.MAIL_FROM, ("bob@example.com",))


@pytest.mark.parametrize("path", [b"bob", b"postmaster", b"bob@-", b"b ob@example.com", b"\xff@example.com"])
def test_a_sender_that_is_no_whole_address_is_not_clear(path: bytes) -> None:
    claim = claim_of_envelope(parse_path(path))
    assert claim.addresses == ()
    assert claim.unclear is not None
    assert claim.unclear.startswith("malformed sender address (")


def test_each_author_is_claimed_once_whatever_their_domains() -> None:
    (claim,) = claims('From: Bob <bob@example.com>, G: "A B"@example.net;, BOB@Example.com\n')
    assert claim == Claim(Identity.FROM, ("bob@example.com", "a b@example.net"))


def test_an_address_for_a_name_is_claimed_too() -> None:
    (claim,) = claims("From: ceo@example.net <bob@example.com>\n")
    assert claim == Claim(Identity.FROM, ("ceo@example.net", "bob@example.com"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Subject: x\n", "no From field"),
        ("From: a@example.com\nfrom: a@example.com\n", "several From fields"),
        ("From: a@example.com (\n", "malformed From field (a comment does not end)"),
        ("From: bob\n", "malformed From field (an address must have exactly one @)"),
        ("From: undisclosed:;\n", "no author domain"),
        ("From: a@[192.0.2.1]\n", "no author domain (an address has no valid domain)"),
        ("From: a@a.a, a@b.b, a@c.c, a@d.d, a@e.e\n", "authors of too many domains"),
        (f"From: a@example.com ({'x' * 20000})\n", "From field or header block too large"),
    ],
)
def test_an_author_that_could_be_read_in_two_ways_is_not_clear(text: str, why: str) -> None:
    assert claims(text) == [Claim(Identity.FROM, unclear=why)]


def test_where_not_all_of_the_header_is_seen_nothing_is_clear() -> None:
    headers = Headers(some_headers("From: a@example.com\n"), complete=False)
    assert [claim.unclear for claim in claims_of(headers)] == ["From field or header block too large"]


def test_a_sender_is_claimed_if_there_is_one() -> None:
    assert claims("From: a@example.com\nSender: Bob <b@example.com>\n") == [
        Claim(Identity.FROM, ("a@example.com",)),
        Claim(Identity.SENDER, ("b@example.com",)),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sender: b@example.com\nSENDER: c@example.com\n", "several Sender fields"),
        ("Sender: b\n", "malformed Sender field (an address must have exactly one @)"),
        ("Sender:\n", "no author domain"),
    ],
)
def test_a_sender_must_be_clear(text: str, why: str) -> None:
    assert claims(f"From: a@example.com\n{text}")[1] == Claim(Identity.SENDER, unclear=why)


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["From", "FROM", "Sender", "sender", "Subject"]),
        st.binary(max_size=60)
        | st.text(alphabet='<>@,;:."\\ ()=?[]ab\r\n\u00fc\u202e', max_size=60).map(lambda text: text.encode()),
    ),
    max_size=4,
)


@given(fields=FIELDS, complete=st.booleans())
def test_any_header_makes_claims_that_are_clear_or_say_why_not(
    fields: list[tuple[str, bytes]], *, complete: bool
) -> None:
    headers = Headers(Headers.of(*fields), complete=complete)
    for claim in claims_of(headers):
        assert bool(claim.addresses) != bool(claim.unclear)
        assert all(address.count("@") >= 1 and not address.endswith("@") for address in claim.addresses)
