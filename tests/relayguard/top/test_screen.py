import pytest

from relayguard.top.screen import WIDE, Fitted, fitted, frame, trouble
from tests.relayguard.top.conftest import URL, Drawn, a_view


def test_the_head_says_who_is_seen_and_how_old_it_is(drawn: Drawn) -> None:
    head = drawn(frame(a_view(), 80, now=175)).splitlines()[:3]
    assert [line.strip() for line in head] == [
        f"relayguard 1.2 at {URL}, 10.0 s up to 1 min 5 s ago",
        "workers 2 serving, 1 draining; generation 3 serves for 16 min 40 s",
        "connections 3.00/s, sessions 6",
    ]


def test_what_is_wrong_stands_above_everything_else(drawn: Drawn) -> None:
    lines = drawn(frame(a_view(), 80, now=110)).splitlines()
    assert lines[3].startswith("! dkim is not called at end_of_message")
    assert [line.split()[0] for line in lines if line[:2].isupper()] == (
        ["MAIL", "REFUSED", "FILTERS", "DNS", "LIMITS", "HOTTEST", "RESULTS", "STORE", "NOTED", "PROCESSES"]
    )


@pytest.mark.parametrize("width", [40, 80, 100, WIDE, 300])
def test_no_line_is_longer_than_the_terminal_is_wide(width: int, drawn: Drawn) -> None:
    lines = drawn(frame(a_view(), width, now=110), width).splitlines()
    assert max(map(len, lines)) <= width
    # Nor has one become two.
    assert len(lines) == len(
        drawn(frame(a_view(), 300 if width >= WIDE else 100, now=110), max(width, 100)).splitlines()
    )


def test_a_wide_terminal_shows_two_columns_of_tables(drawn: Drawn) -> None:
    (line,) = [line for line in drawn(frame(a_view(), WIDE, now=110), WIDE).splitlines() if "MAIL" in line]
    assert "DNS" in line


def test_a_low_terminal_shows_what_is_asked_first_and_says_what_is_missing(drawn: Drawn) -> None:
    lines = drawn(fitted(a_view(), 80, now=110), height=24).splitlines()
    assert len(lines) == 24
    assert lines[0].startswith("relayguard 1.2 at")
    assert [line.split()[0] for line in lines if line[:2].isupper()] == ["MAIL", "REFUSED", "FILTERS", "DNS"]
    assert lines[-1].strip() == "15 more lines: make the terminal higher, or see --once"


def test_empty_lines_go_before_anything_else_does(drawn: Drawn) -> None:
    loose, tight = (len(drawn(frame(a_view(), 80, 110, tight=tight)).splitlines()) for tight in (False, True))
    assert tight < loose
    assert "more lines" not in drawn(fitted(a_view(), 80, 110), height=tight)
    assert len(drawn(fitted(a_view(), 80, 110), height=loose).splitlines()) == loose


def test_the_first_that_fits_is_shown(drawn: Drawn) -> None:
    assert drawn(Fitted("a\nb\nc", "a\nb", "a"), height=2).split() == ["a", "b"]


def test_trouble_is_shown_whole_and_obeyed_in_nothing(drawn: Drawn) -> None:
    shown = drawn(trouble("[bold]away\x1b[2J " + "x" * 100)).split()
    assert shown[0] == "[bold]away?[2J"
    assert "".join(shown[1:]) == "x" * 100
