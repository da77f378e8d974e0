import hashlib

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Header, Headers
from relayguard_plugins.dkim.header_hash import (
    MessageFields,
    field_bytes,
    header_digest,
    relaxed_field,
    relaxed_values,
    select,
    without_signature,
)
from relayguard_plugins.dkim.signature import parse_signature
from tests.relayguard_plugins.dkim.signing import canonical_field

SIGNATURE = b" v=1; a=rsa-sha256; c=%s; d=example.com;\r\n\ts=s1; h=%s; bh=YWJj; b=c2ln\r\n bmF0"
UNSIGNED = b" v=1; a=rsa-sha256; c=%s; d=example.com;\r\n\ts=s1; h=%s; bh=YWJj; b="

FROM = ("From", b" Alice\r\n\t<a@example.com> ")
SUBJECTS = [("Subject", b" one"), ("SUBJECT", b"  two  \t words"), ("subject", b"")]


def digest(form: bytes, names: bytes, *fields: tuple[str, bytes]) -> bytes:
    headers = Headers.of(("DKIM-Signature", SIGNATURE % (form, names)), *fields)
    return header_digest(parse_signature(headers[0]), MessageFields(headers))


def expected(form: bytes, names: bytes, *fields: tuple[str, bytes]) -> bytes:
    relaxed = form == b"relaxed"
    lines = [canonical_field(name, value, relaxed=relaxed) for name, value in fields]
    own = canonical_field("DKIM-Signature", UNSIGNED % (form, names), relaxed=relaxed)
    return hashlib.sha256(b"\r\n".join([*lines, own])).digest()


@pytest.mark.parametrize("form", [b"simple", b"relaxed"])
@pytest.mark.parametrize(
    ("names", "signed"),
    [
        (b"from", [FROM]),
        (b"from:subject", [FROM, SUBJECTS[2]]),
        (b"FROM:Subject:subject", [FROM, SUBJECTS[2], SUBJECTS[1]]),
        (b"from:subject:subject:subject:subject", [FROM, *reversed(SUBJECTS)]),
        (b"from:reply-to", [FROM]),
        (b"subject:from", [SUBJECTS[2], FROM]),
        (b"from:dkim-signature", [FROM]),
    ],
)
def test_fields_are_signed_from_the_bottom_up(form: bytes, names: bytes, signed: list[tuple[str, bytes]]) -> None:
    assert digest(form, names, *SUBJECTS, FROM) == expected(form, names, *signed)


def test_a_from_that_was_added_is_always_signed() -> None:
    another = ("From", b" eve@example.net")
    assert digest(b"relaxed", b"from", another, FROM) == expected(b"relaxed", b"from", FROM, another)


def test_other_signatures_may_be_signed_but_never_the_signature_itself() -> None:
    other = ("DKIM-Signature", b" v=1; d=example.net")
    names = b"from:dkim-signature:dkim-signature"
    assert digest(b"simple", names, other, FROM) == expected(b"simple", names, FROM, other)


def test_a_vertical_tab_is_no_white_space() -> None:
    odd = ("From", b" a@example.com \x0b")
    assert digest(b"relaxed", b"from", odd) == expected(b"relaxed", b"from", odd)


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b" a=1; b=abc", b" a=1; b="),
        (b" b=abc; a=1", b" b=; a=1"),
        (b" a=1;\r\n\tb\r\n =\r\n ab c ;d=x", b" a=1;\r\n\tb\r\n =;d=x"),
        (b" bh=abc; b=x; b2=y", b" bh=abc; b=; b2=y"),
        (b" a=1", b" a=1"),
    ],
)
def test_only_the_signature_itself_is_taken_out(value: bytes, left: bytes) -> None:
    assert without_signature(value) == left


TEXT = st.text("ab \t", max_size=20).map(str.encode)


@given(
    st.lists(st.tuples(st.sampled_from(["Subject", "To", "X"]), TEXT), max_size=6),
    st.sampled_from([b"simple", b"relaxed"]),
)
@settings(deadline=None)
def test_any_fields_are_hashed_as_the_standard_says(fields: list[tuple[str, bytes]], form: bytes) -> None:
    names = b"from:subject:to:subject"
    left = [FROM, *fields]
    signed = []
    for name in ("From", "Subject", "To", "Subject"):
        last = next((field for field in reversed(left) if field[0] == name), None)
        if last is not None:
            signed.append(last)
            # The last of equal ones: reversed, removed, reversed back.
            left.reverse()
            left.remove(last)
            left.reverse()
    assert digest(form, names, FROM, *fields) == expected(form, names, *signed)


def test_a_field_that_several_signatures_cover_is_never_taken_for_another() -> None:
    empty, value = b"", b" x \t y "
    headers = Headers.of(*[("Subject", value), ("From", empty), ("To", value), ("From", empty)])
    message = MessageFields(headers)
    for names in (b"from", b"subject:from", b"to:from:subject"):
        signature = parse_signature(Header("DKIM-Signature", SIGNATURE % (b"relaxed", names)))
        lines = message.lines(signature, b" v=1; ")
        assert lines == message.lines(signature, b" v=1; ")
        assert set(lines) == {
            *(f"{name}:{'' if name == 'from' else 'x y'}".encode() for name in names.decode().split(":")),
            b"dkim-signature:v=1;",
        }


@given(st.lists(st.text(" \t\r\nab\0", max_size=9).map(str.encode), max_size=5))
@settings(deadline=None)
def test_fields_are_relaxed_together_as_each_alone(values: list[bytes]) -> None:
    assert [b"x:" + value for value in relaxed_values(values)] == [relaxed_field(b"X", value) for value in values]


NAMES = st.sampled_from(["From", "FROM", "Subject", "subject", "Keywords", "\u212aeywords", "\xc9", "\xe9", "X"])


@given(
    st.lists(NAMES, max_size=8),
    st.lists(st.sampled_from([b"subject", b"from", b"keywords", b"x", b""]), max_size=8),
)
@settings(deadline=None)
def test_the_fields_that_dkimpy_selects_are_signed(names: list[str], wanted: list[bytes]) -> None:
    wanted = [*wanted, b"from"]
    own = ("DKIM-Signature", SIGNATURE % (b"simple", b":".join(wanted)))
    headers = Headers.of(own, *[(name, b"%d" % number) for number, name in enumerate(names)])
    signature = parse_signature(headers[0])
    froms = names.count("From") + names.count("FROM")
    # More of them than are signed break the signature.
    wanted += [b"from"] * (wanted.count(b"from") < froms)
    found = [field_bytes(field) for _, field in select(signature, headers)]
    assert found == dkim.select_headers([field_bytes(field) for field in headers[1:]], wanted)
