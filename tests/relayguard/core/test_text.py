import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import printable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"plain", "plain"),
        (b"a\r\nb", "a??b"),
        ("a\x00b\x7f", "a?b?"),
        ("m\u00fcnchen", "m?nchen"),
        (b"m\xc3\xbcnchen", "m??nchen"),
        ("\u202egnp.exe", "?gnp.exe"),
        ("", ""),
    ],
)
def test_what_cannot_be_shown_becomes_a_question_mark(value: str | bytes, shown: str) -> None:
    assert printable(value) == shown


def test_a_cut_is_marked() -> None:
    assert printable("x" * 300) == "x" * 253 + "..."
    assert printable("x" * 256) == "x" * 256


@given(st.text() | st.binary(), st.integers(3, 300))
def test_anything_becomes_printable_ascii_within_the_limit(value: str | bytes, limit: int) -> None:
    shown = printable(value, limit)
    assert len(shown) <= limit
    assert all(" " <= character <= "~" for character in shown)
