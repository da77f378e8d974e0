import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Mailbox, Oddity, oddities_of
from relayguard.core.mailboxes import Malformed, parse_mailboxes, plain_mailbox
from relayguard.core.oddities import _NAMES, _PLAIN_NAME, _odd_syntax
from relayguard.core.tokens import tokens_of


def odd(value: str | bytes) -> set[str]:
    raw = value if isinstance(value, bytes) else value.encode()
    return {str(oddity) for oddity in oddities_of(raw, parse_mailboxes(raw))}


@pytest.mark.parametrize(
    "value",
    [
        "a@example.com",
        "Alice <a@example.com>",
        '"Public, John Q." <a@example.com>',
        "=?utf-8?Q?J=C3=BCrgen?= <a@example.com>",
        "M\u00fcller <a@m\u00fcnchen.example>",
        "\u5c71\u7530 <a@example.com>",
        "=?iso-8859-1?Q?Bank_=96_Support?= <a@example.com>",
    ],
)
def test_an_honest_author_is_not_odd(value: str) -> None:
    assert odd(value) == set()


@pytest.mark.parametrize(
    ("value", "oddities"),
    [
        ("a@example.com, b@example.com", {"several"}),
        ("Cooks: a@example.com;", {"group"}),
        ("<@a.example,@b.example:a@example.com>", {"route"}),
        ("a@example.com (Alice)", {"comment"}),
        ('"a b"@example.com', {"quoted_local_part"}),
        ("=?utf-8?B?YQ==?=@example.com", {"encoded_address"}),
        ('"admin@bank.example" <x@attack.example>', {"address_in_name"}),
        ("=?utf-8?B?YWRtaW5AYmFuay5leGFtcGxl?= <x@attack.example>", {"address_in_name"}),
        ("=?utf-8?Q?admin=40bank.example?= <x@attack.example>", {"address_in_name"}),
        ("=?utf-8?Q?admin?= =?utf-8?Q?=40bank?= <x@attack.example>", {"address_in_name"}),
        ('"moc.knab\u202e" <x@attack.example>', {"invisible"}),
        ('"ba\u200bnk" <x@attack.example>', {"invisible"}),
        ('"Bank' + " " * 300 + '." <x@attack.example>', {"padded"}),
        ('"Bank' + "\u00a0" * 30 + '." <x@attack.example>', {"padded"}),
        (b"\xff\xfe <x@attack.example>", {"not_utf8"}),
        ("=?utf8mb4?Q?Bank?= <x@attack.example>", {"undecoded"}),
        ("=?utf-8?Q?Bank of?= <x@attack.example>", {"undecoded"}),
    ],
)
def test_what_is_odd_is_told(value: str | bytes, oddities: set[str]) -> None:
    # M-06
    assert odd(value) == oddities


def test_what_cannot_be_read_has_no_oddities() -> None:
    assert oddities_of(b"(", [Mailbox("", "a", "example.com")]) == frozenset()


@pytest.mark.parametrize("value", [b"a@example.com", b"Alice B <a@example.com>", b'"Alice, B." <a@example.com>'])
def test_a_plain_author_has_no_odd_syntax_to_look_for(value: bytes) -> None:
    assert plain_mailbox(value) is not None
    assert _odd_syntax(tokens_of(value)) == set()


@given(
    st.lists(st.sampled_from(["a", "<a@b>", "a@b", '"', " ", "@", ":", ";", "("]), max_size=6).map(
        lambda it: "".join(it).encode()
    )
)
def test_what_is_plain_is_never_odd_in_its_syntax(value: bytes) -> None:
    assert plain_mailbox(value) is None or _odd_syntax(tokens_of(value)) == set()


@given(st.text(st.sampled_from("a.~@ \t\u200b\ufffd\x7f"), max_size=30))
def test_a_plain_name_is_never_odd(name: str) -> None:
    assert not _PLAIN_NAME.match(name) or not any(is_there(name) for _, is_there in _NAMES)


@given(st.binary(max_size=200) | st.text(alphabet='a@<>(),;:."=?utf-8BQ \u202e', max_size=100).map(str.encode))
def test_no_field_breaks_it(value: bytes) -> None:
    try:
        mailboxes = parse_mailboxes(value)
    except Malformed:
        mailboxes = ()
    assert oddities_of(value, mailboxes) <= set(Oddity)
