import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Reported
from relayguard.authentication_results.read import MAX_ENTRIES, MAX_PAIRS, AuthenticationResults, read_results
from relayguard.authentication_results.render import render
from relayguard.authentication_results.scan import MAX_BYTES
from tests.relayguard.authentication_results.test_render import clean

SPF = Reported("spf", "pass", (("smtp", "mailfrom", "a@example.com"),))
DKIM = Reported("dkim", "pass", (("header", "i", "@example.com"), ("header", "b", "ab/c")))

WRITTEN = [
    ("as the standard has it", b" mx.example.org; spf=pass smtp.mailfrom=a@example.com", (SPF,)),
    ("folded", b"\r\n\tmx.example.org;\r\n\tspf=pass\r\n\t smtp.mailfrom=a@example.com", (SPF,)),
    ("no white space", b"mx.example.org;spf=pass smtp.mailfrom=a@example.com", (SPF,)),
    ("white space everywhere", b" mx.example.org ; spf = pass smtp.mailfrom = a@example.com ;", (SPF,)),
    ("a version each", b" mx.example.org 1; spf/1=pass smtp.mailfrom=a@example.com", (SPF,)),
    ("upper case", b" mx.example.org; SPF=Pass SMTP.MailFrom=a@example.com", (SPF,)),
    ("comments", b" (a) mx.example.org (b); spf=pass (c; d=e) smtp.mailfrom=(f)a@example.com (g)", (SPF,)),
    ("quoted", b' "mx.example.org"; spf=pass smtp.mailfrom="a@example.com"', (SPF,)),
    ("quoted in part", b' mx.example.org; spf=pass smtp.mailfrom="a"@example.com', (SPF,)),
    ("a quoted value before another", b' mx.example.org; dkim=pass header.i=@example.com header.b="ab/c"', (DKIM,)),
    ("one bare", b" mx.example.org; dkim=pass header.i=@example.com header.b=ab/c", (DKIM,)),
    (
        "several",
        b' mx.example.org; spf=pass smtp.mailfrom="a@example.com"; dmarc=fail',
        (SPF, Reported("dmarc", "fail")),
    ),
    ("a reason", b' mx.example.org; dkim=fail reason="a; b"', (Reported("dkim", "fail", reason="a; b"),)),
    ("none", b" mx.example.org; none", ()),
    ("nothing", b" mx.example.org", ()),
    ("a broken entry before a good one", b" mx.example.org; =x; ??=y; spf=pass smtp.mailfrom=a@example.com", (SPF,)),
    ("a quote that does not end", b' mx.example.org; spf=pass smtp.mailfrom=a@example.com; dkim="pass; x=y', (SPF,)),
    (
        "a comment that does not end",
        b" mx.example.org; spf=pass smtp.mailfrom=a@example.com; dkim=pass (x; y=z",
        (SPF,),
    ),
]


@pytest.mark.parametrize(("value", "entries"), [row[1:] for row in WRITTEN], ids=[row[0] for row in WRITTEN])
def test_a_field_is_read_however_it_is_written(value: bytes, entries: tuple[Reported, ...]) -> None:
    assert read_results(value) == AuthenticationResults("mx.example.org", entries)


@pytest.mark.parametrize("value", [b"", b" ; spf=pass", b" spf=pass", b" (mx; spf=pass", b" mx" + b" " * MAX_BYTES])
def test_a_field_without_a_readable_id_says_nothing(value: bytes) -> None:
    assert read_results(value) is None


def test_results_hidden_in_quotes_and_comments_are_none() -> None:
    read = read_results(b' mx; spf=fail reason="; dmarc=pass" smtp.helo=x (; dkim=pass); "; arc=pass"')
    assert read is not None
    assert [(entry.method, entry.value) for entry in read.entries] == [("spf", "fail")]


def test_no_more_entries_are_read_than_anybody_needs() -> None:
    read = read_results(b" mx" + b"; a=b" * (MAX_ENTRIES + 1))
    assert read is not None
    assert len(read.entries) == MAX_ENTRIES


def test_a_field_with_hundreds_of_pairs_is_read_in_part() -> None:
    read = read_results(b" mx; spf=pass" + b" a.b=c" * (MAX_PAIRS - 1) + b"; dkim=pass; dmarc=pass")
    assert read is not None
    assert [(entry.method, len(entry.properties)) for entry in read.entries] == [("spf", MAX_PAIRS - 1)]


KEYWORD = st.from_regex(r"[a-z]([a-z0-9_-]{0,10}[a-z0-9])?", fullmatch=True)
PTYPE = KEYWORD.filter(lambda word: word != "reason")
REPORTED = st.builds(
    Reported,
    KEYWORD,
    KEYWORD,
    st.lists(st.tuples(PTYPE, KEYWORD, st.text(max_size=50)), max_size=4).map(tuple),
    st.none() | st.text(min_size=1, max_size=50),
    st.none() | st.text(min_size=1, max_size=50),
)


@given(st.lists(REPORTED, max_size=5))
def test_what_we_write_is_read_as_it_was_meant(entries: list[Reported]) -> None:
    read = read_results(b" " + render("mx.example.com", entries).replace("\n", "\r\n").encode())
    assert read is not None
    assert read.authserv_id == "mx.example.com"
    assert list(read.entries) == [
        Reported(
            entry.method,
            entry.value,
            tuple((ptype, name, clean(value)) for ptype, name, value in entry.properties),
            reason=clean(entry.reason) if entry.reason else None,
        )
        for entry in entries
    ]


@given(
    st.binary(max_size=300) | st.text(alphabet='mx;=."()\\ \t\r\n\x00\u00fc').map(lambda text: b"mx;" + text.encode())
)
def test_reading_any_value_never_raises(value: bytes) -> None:
    read = read_results(value)
    assert read is None or read.authserv_id
