import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard.authentication_results.lexing import MAX_NESTING, read_quoted, read_word, skip_cfws

HOSTILE = st.text(alphabet='a();"\\ \t\r\n\x00\u00fc', max_size=60).map(str.encode)


@pytest.mark.parametrize(
    ("value", "end"),
    [
        (b"x", 0),
        (b" \t\r\n x", 5),
        (b"(a)x", 3),
        (b" (a (b) \\) c) \r\n x", 17),
        (b"(a)(b) ", 7),
        (b"(a", None),
        (b"(a\\)", None),
        (b"(a(b)", None),
        (b"(" * MAX_NESTING + b")" * MAX_NESTING, 2 * MAX_NESTING),
        (b"(" * (MAX_NESTING + 1) + b")" * (MAX_NESTING + 1), None),
    ],
)
def test_white_space_and_comments_are_passed_over(value: bytes, end: int | None) -> None:
    assert skip_cfws(value, 0) == end


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"abc;", (b"abc", 3)),
        (b'"a \\"b";', (b'a "b', 7)),
        ("ü.example ".encode(), ("ü.example".encode(), 10)),
        (b'"a', None),
        (b"", None),
        (b";", None),
        (b"\x00a", None),
    ],
)
def test_a_word_is_a_token_or_a_quoted_string(value: bytes, read: tuple[bytes, int] | None) -> None:
    assert read_word(value, 0) == read


@given(HOSTILE, st.integers(0, 60))
def test_no_bytes_break_the_lexer(value: bytes, position: int) -> None:
    position = min(position, len(value))
    for read in (read_word(value, position), read_quoted(value, position)):
        assert read is None or position < read[1] <= len(value)
    end = skip_cfws(value, position)
    assert end is None or position <= end <= len(value)
