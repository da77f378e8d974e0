import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Body, Headers, Message
from relayguard.core.message import split_message


@pytest.mark.parametrize(
    ("raw", "fields", "body"),
    [
        (b"A: b\r\n c\r\n\r\nhello\r\n", [("A", b" b\r\n c")], b"hello\r\n"),
        (b"A: b\n\tc\n\nhello\n", [("A", b" b\r\n\tc")], b"hello\r\n"),
        (b"A:b", [("A", b"b")], b""),
        (b"A: b\n\n", [("A", b" b")], b""),
        (b"\nbody\n", [], b"body\r\n"),
        (b"", [], b""),
        (b"A : b\n\n", [("A", b" b")], b""),
        (b"no field\nA: b\n", [], b"no field\r\nA: b\r\n"),
        (b"A: b\nno field\nC: d\n", [("A", b" b")], b"no field\r\nC: d\r\n"),
        (b" From: a@x\nFrom: b@x\n", [], b" From: a@x\r\nFrom: b@x\r\n"),
        (b"\xc3\xbc: a\nFrom: b@x\n", [], b"\xc3\xbc: a\r\nFrom: b@x\r\n"),
    ],
)
def test_a_message_is_split_as_an_mta_does(raw: bytes, fields: list[tuple[str, bytes]], body: bytes) -> None:
    assert split_message(raw) == (fields, body)


@given(st.text(alphabet="A: \r\n\t\x00\u00fc").map(str.encode))
def test_any_bytes_can_be_split_and_nothing_but_line_ends_is_lost(raw: bytes) -> None:
    fields, body = split_message(raw)
    kept = sum(len(value) for _, value in fields) + len(body)
    assert kept <= len(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert all(name.isascii() and ":" not in name for name, _ in fields)


def test_the_outgoing_view_holds_headers_and_body() -> None:
    message = Message(Headers.of(("A", b" b")), Body.of(b"hello"))
    assert message.headers[0].text == "b"
    assert b"".join(message.body) == b"hello"
