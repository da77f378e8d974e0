import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard.core.mailboxes import Mailbox, Malformed, _parse, parse_mailboxes, plain_mailbox

HOSTILE = st.text(alphabet='ab@.<>()"\\[]:;, =?\u00fc\r\n\t\x00').map(str.encode)


@pytest.mark.parametrize(
    ("value", "mailboxes"),
    [
        (b" bob@example.com", [("", "bob", "example.com")]),
        (b" Bob <bob@example.com>", [("Bob", "bob", "example.com")]),
        (b' "Bob, Jr." <bob@example.com>', [("Bob, Jr.", "bob", "example.com")]),
        (b" John Q. Public <j@example.com>", [("John Q . Public", "j", "example.com")]),
        (b" <bob@example.com> (a (nested \\) one) comment)", [("", "bob", "example.com")]),
        (b" bob (x) @ (y) example . com", [("", "bob", "example.com")]),
        (b' "a b"@example.com', [("", "a b", "example.com")]),
        (b" bob@[192.0.2.1]", [("", "bob", "[192.0.2.1]")]),
        (b" Bob\r\n <bob@example.com>", [("Bob", "bob", "example.com")]),
        (b" a@x.example, B <b@y.example>,", [("", "a", "x.example"), ("B", "b", "y.example")]),
        (b" team: a@x.example, b@y.example;", [("", "a", "x.example"), ("", "b", "y.example")]),
        (b" undisclosed:;", []),
        (b"", []),
        (b" <@a.example,@b.example:c@d.example>", [("", "c", "d.example")]),
        ("B\u00f6b <b\u00f6b@m\u00fcnchen.example>".encode(), [("B\u00f6b", "b\u00f6b", "m\u00fcnchen.example")]),
    ],
)
def test_a_from_value_is_read_as_the_standard_says(value: bytes, mailboxes: list[tuple[str, str, str]]) -> None:
    assert parse_mailboxes(value) == tuple(Mailbox(*parts) for parts in mailboxes)


def test_an_unquoted_address_in_a_display_name_is_a_mailbox_of_its_own() -> None:
    assert [m.domain for m in parse_mailboxes(b"ceo@bank.example <x@attack.example>")] == [
        "bank.example",
        "attack.example",
    ]


def test_a_quoted_address_in_a_display_name_is_only_a_name() -> None:
    assert parse_mailboxes(b'"ceo@bank.example" <x@attack.example>') == (
        Mailbox("ceo@bank.example", "x", "attack.example"),
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"<a@x.example> b@y.example", "something follows the address"),
        (b"<a@x.example>\\,<b@y.example>", "unexpected byte 0x5c"),
        (b"<<a@x.example>>", "angle brackets within"),
        (b"<a@x.example", "does not end"),
        (b"a@x.example>", "malformed domain"),
        (b"MAILER-DAEMON", "exactly one @"),
        (b"<>", "exactly one @"),
        (b"a@b@c.example", "exactly one @"),
        (b"a@", "malformed domain"),
        (b"@x.example", "malformed local part"),
        (b"a..b@x.example", "malformed local part"),
        (b"a@x..example", "malformed domain"),
        (b'"a@x.example', "unexpected byte 0x22"),
        (b"(a@x.example", "comment does not end"),
        (b"(" * 30 + b")" * 30 + b"a@x.example", "nested too deeply"),
        (b"team: a@x.example", "does not end"),
        (b"a@x.example: b@y.example;", "unexpected colon"),
        (b"a@x.example;", "unexpected semicolon"),
        (b"a\x00@x.example", "unexpected byte 0x00"),
        (b"a\xff@x.example", "not UTF-8"),
        (b"a@x.example," * 101, "more than 100 mailboxes"),
        (b"a" * 16_385, "too large"),
    ],
)
def test_what_readers_could_take_in_two_ways_is_malformed(value: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_mailboxes(value)


@given(st.binary() | HOSTILE)
def test_reading_any_value_raises_nothing_but_malformed(value: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_mailboxes(value)


PIECES = [
    "a",
    "B=?",
    "@",
    "a@b",
    ".",
    " ",
    "  ",
    "<",
    ">",
    "<a@b.c>",
    '"',
    '"a b"',
    "\\",
    "\r\n ",
    ",",
    ":",
    "(c)",
    "\xe9",
    "\0",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map(lambda pieces: "".join(pieces).encode()))
@settings(max_examples=1000, deadline=None)
def test_a_plain_mailbox_is_read_as_any_other(value: bytes) -> None:
    plain = plain_mailbox(value)
    if plain is not None:
        assert _parse(value) == (plain,)


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [
        (b" Bob B <bob@example.com>", True),
        (b' "Bob, Jr." <bob@example.com>', True),
        (b" =?utf-8?Q?J=C3=BCrgen?= <j@example.com>", True),
        (b"<bob@example.com>", True),
        (b"bob.b@example.com\r\n ", True),
        (b" Bob. <bob@example.com>", False),
        (b"bob@example.com.", False),
        (b"bob@example.com, eve@example.com", False),
        (b"a." * 500 + b"a@b", False),
        (b"B\xc3\xb6b <bob@example.com>", False),
    ],
)
def test_what_almost_every_author_looks_like_is_plain(value: bytes, is_plain: bool) -> None:  # noqa: FBT001
    assert (plain_mailbox(value) is not None) == is_plain


@pytest.mark.parametrize(
    "piece", [b"(", b"()", b"<", b'"', b"\\", b"[", b",", b":", b"a:;", b'"a"', b"a@b,", b"\r\n ", b"a."]
)
def test_16_kb_of_any_piece_end_in_an_answer(piece: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_mailboxes(piece * (16_384 // len(piece)))
