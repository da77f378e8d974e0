import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard.core.tokens import AT, CLOSE, COMMA, DOT, MAX_BYTES, MAX_TOKENS, OPEN, Kind, Malformed, tokens_of


def test_a_field_is_read_token_by_token() -> None:
    assert tokens_of(b' "A \\"B" (c (d)) <x.y@[192.0.2.1]>,\r\n z') == [
        (Kind.QUOTED, b'A "B'),
        (Kind.COMMENT, b"(c (d))"),
        OPEN,
        (Kind.ATOM, b"x"),
        DOT,
        (Kind.ATOM, b"y"),
        AT,
        (Kind.LITERAL, b"[192.0.2.1]"),
        CLOSE,
        COMMA,
        (Kind.ATOM, b"z"),
    ]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (b"\x00", "unexpected byte 0x00"),
        (b"(a", "a comment does not end"),
        (b"(" * 30 + b")" * 30, "nested too deeply"),
        (b'"a', "unexpected byte 0x22"),
        (b"x" * (MAX_BYTES + 1), "too large"),
        (b"a " * (MAX_TOKENS + 1), "more than 1000 tokens"),
        (b"(a) " * (MAX_TOKENS + 1), "more than 1000 tokens"),
    ],
)
def test_what_is_no_address_field_is_refused_with_a_reason(value: bytes, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        tokens_of(value)


@given(st.binary(max_size=200) | st.text(alphabet='a@<>(),;:."\\[] \r\n\t', max_size=100).map(str.encode))
def test_no_bytes_break_it(value: bytes) -> None:
    try:
        tokens = tokens_of(value)
    except Malformed:
        return
    assert sum(len(text) for _, text in tokens) <= len(value)
