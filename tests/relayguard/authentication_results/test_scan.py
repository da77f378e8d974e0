import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Headers
from relayguard.authentication_results.scan import (
    MAX_BYTES,
    MAX_FIELDS,
    MAX_FORGED,
    authserv_id_of,
    claims,
    forged_headers,
)

ID = "mx.example.com"
HOSTILE = st.text(alphabet='mx.example.com();="\\/1 \r\n\t\x00\u00fc').map(str.encode)


def fields_of(*values: bytes) -> Headers:
    return Headers.of(*(("Authentication-Results", value) for value in values))


@pytest.mark.parametrize(
    "value",
    [
        b" mx.example.com; spf=pass",
        b"mx.example.com;spf=pass",
        b" MX.Example.COM; spf=pass",
        b" mx.example.com 1; spf=pass",
        b" mx.example.com (c) /1; spf=pass",
        b" mx.example.com/1; spf=pass",
        b' "mx.example.com"; spf=pass',
        b' "mx\\.example.com"; spf=pass',
        b"\r\n mx.example.com\r\n ; spf=pass",
        b" (a (nested \\) one)) mx.example.com; spf=pass",
        b" mx.example.com.; spf=pass",
        b" mx.exam\xe2\x80\x8bple.com; spf=pass",
        b" mx.example.com",
        b' "mx.example.com "; dkim=pass',
        b' "mx.example.com (x)"; dkim=pass',
        b" mx.example.com\xc2\xa0; dkim=pass",
        b" mx.example.com; none",
    ],
)
def test_a_forged_field_is_recognised_however_our_id_is_written(value: bytes) -> None:
    # AR-01
    assert claims(value, ID)


def test_a_forged_header_with_our_id_as_u_label_is_recognised() -> None:
    assert claims(" mx.M\u00dcNCHEN.example; spf=pass".encode(), "mx.xn--mnchen-3ya.example")
    assert claims(b" mx.xn--MNCHEN-3ya.example; spf=pass", "mx.xn--mnchen-3ya.example")


@pytest.mark.parametrize(
    "value",
    [
        b" mx.example.com spf=pass",
        b" mx.example.com= spf=pass",
        b' "mx.example.com; spf=pass',
        b" (mx.example.com; spf=pass",
        b" ; mx.example.com; spf=pass",
        b" =mx.example.com; spf=pass",
        b" mx.\r\n example.com; spf=pass",
        b' "mx."example.com; spf=pass',
        b" mx(c).example.com; spf=pass",
        b" mx(c(d)).example.com; spf=pass",
        b" mx.example.com, b; spf=pass",
        b" mx.example.com\x00; spf=pass",
        b" mx.example\x00.com x; spf=pass",
        b" mx.example.com@b; spf=pass",
        b" =?utf-8?b?bXguZXhhbXBsZS5jb20=?=; spf=pass",
        b" =?utf-8?q?mx=2Eexample=2Ecom?=; spf=pass",
        b" mx(\\)).example.com; spf=pass",
        b" mx\\(c).example.com; spf=pass",
        b' "=?utf-8?q?mx=2Eexample=2Ecom?="; spf=pass',
        b" (a;b) =?utf-8?q?mx=2Eexample=2Ecom?=; spf=pass",
    ],
)
def test_a_forged_field_with_syntax_errors_is_recognised(value: bytes) -> None:
    # AR-03
    assert claims(value, ID)


@pytest.mark.parametrize(
    "value",
    [
        b" mx.example.org; spf=pass",
        b" a.mx.example.com; spf=pass",
        b" example.com; spf=pass",
        b" other.example; spf=pass smtp.mailfrom=mx.example.com",
        b" other.example (mx.example.com); spf=pass",
        b" i=1; other.example; spf=pass",
        b"",
        b" ",
        b" (never ends",
    ],
)
def test_a_field_of_somebody_else_stays(value: bytes) -> None:
    assert not claims(value, ID)


@pytest.mark.parametrize("name", ["Authentication-Results", "AUTHENTICATION-RESULTS", "authentication-results"])
def test_a_field_is_found_in_any_case(name: str) -> None:
    # AR-04; white space before the colon is taken off by the MTA and by split_message.
    headers = Headers.of((name, b" mx.example.com; spf=pass"))
    assert forged_headers(headers.all("Authentication-Results"), ID) == (list(headers), False)


def test_exactly_ours_are_found_among_others() -> None:
    # AR-02: ours at 1, 3, 5 and 8.
    headers = fields_of(
        *(b" mx.example.com; x" if number in (1, 3, 5, 8) else b" b.example; x" for number in range(1, 9))
    )
    forged, capped = forged_headers(headers, ID)
    assert [headers.occurrence(field) for field in forged] == [1, 3, 5, 8]
    assert not capped


@pytest.mark.parametrize(
    ("value", "forged"),
    [
        (b" b.example; spf=pass", False),
        (b" mx.example.com; spf=pass", True),
        (b" b.example; spf=pass smtp.mailfrom=x@mx.example.com", True),
        (b" mx(c).example.com; spf=pass", True),
    ],
)
def test_past_the_cap_a_field_that_could_be_ours_is_forged(value: bytes, forged: bool) -> None:  # noqa: FBT001
    headers = fields_of(*[b" b.example; spf=pass"] * MAX_FIELDS, value)
    assert forged_headers(headers, ID) == ([headers[-1]] if forged else [], True)


def test_a_field_too_large_to_scan_is_forged_if_it_holds_our_id() -> None:
    filling = b"x" * MAX_BYTES
    headers = fields_of(b" b.example; " + filling, b" b.example; " + filling + b" mx.example.com")
    assert forged_headers(headers, ID) == ([headers[1]], True)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b" example.org; x", "example.org"),
        (b' "a b"; x', "a b"),
        (b" \xff; x", "\ufffd"),
        (b' ""; x', None),
        (b" ; x", None),
        (b" a b; x", None),
    ],
)
def test_the_id_of_a_field_is_read_or_none(value: bytes, found: str | None) -> None:
    assert authserv_id_of(value) == found


@given(st.binary() | HOSTILE)
def test_scanning_any_value_never_raises(value: bytes) -> None:
    assert claims(value, ID) in (True, False)


@pytest.mark.parametrize(
    "value", [b"(" * 16_000, b"(" * 8_000 + b")" * 8_000, b"()" * 8_000, b'"\\' * 8_000, b"(\\" * 8_000]
)
def test_many_parentheses_are_passed_over_quickly(value: bytes) -> None:
    # A recursive or quadratic scanner fails here: by the stack, or by the time limit of the whole run.
    assert not claims(value, ID)
    assert claims(value + b" mx.example.com", ID)


def test_our_id_in_pieces_between_many_comments_is_recognised() -> None:
    assert claims(b"mx.ex" + b"()" * 1000 + b"ample.com; spf=pass", ID)
    assert not claims(b"mx.org" + b"()" * 1000 + b" b; spf=pass", ID)


def test_behind_the_cap_another_spelling_of_our_id_is_forged_too() -> None:
    fields = Headers.of(
        *[("A", b" mx.example.org; none")] * 60, ("A", "mx\uff0eexample\uff0ecom; dkim=pass".encode())
    )
    assert forged_headers(fields, ID) == ([fields[60]], True)


def test_an_encoded_word_is_forged_behind_the_cap_and_in_a_large_field_too() -> None:
    word = b" =?utf-8?q?mx=2Eexample=2Ecom?=; dkim=pass"
    fields = Headers.of(*[("A", b" mx.example.org; none")] * 50, ("A", word), ("A", word + b" " * MAX_BYTES))
    assert forged_headers(fields, ID) == ([fields[50], fields[51]], True)


def test_whoever_forges_without_end_is_not_scanned_to_the_end() -> None:
    fields = Headers.of(*[("A", b" mx.example.com; dkim=pass")] * 1000)
    assert len(forged_headers(fields, ID, MAX_FORGED)[0]) == MAX_FORGED + 1
    assert len(forged_headers(fields, ID)[0]) == 1000
