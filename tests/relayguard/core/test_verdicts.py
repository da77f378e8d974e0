from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Defer, Discard, Quarantine, Reject, Verdict
from relayguard.core.verdicts import Given, strongest

BY_STRENGTH: tuple[Verdict, ...] = (Reject(), Defer(), Quarantine(), Discard())


@pytest.mark.parametrize(("stronger", "weaker"), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
def test_of_two_verdicts_the_stronger_holds_in_any_order(stronger: int, weaker: int) -> None:
    first, second = Given("a", BY_STRENGTH[stronger]), Given("b", BY_STRENGTH[weaker])
    assert strongest([first, second]) == strongest([second, first]) == first


def test_of_all_verdicts_a_rejection_holds() -> None:
    for order in permutations(BY_STRENGTH):
        found = strongest([Given("x", verdict) for verdict in order])
        assert found is not None
        assert found.verdict == Reject()


@pytest.mark.parametrize("verdict", BY_STRENGTH)
def test_of_equal_verdicts_that_of_the_earliest_filter_holds(verdict: Verdict) -> None:
    assert strongest([Given("first", verdict), Given("second", verdict)]) == Given("first", verdict)


def test_no_verdict_is_no_verdict() -> None:
    assert strongest([]) is None


@pytest.mark.parametrize(
    ("kind", "code", "enhanced"),
    [
        (Reject, 450, "5.7.1"),
        (Reject, 250, "5.7.1"),
        (Reject, 600, "5.7.1"),
        (Reject, 550, "4.7.1"),
        (Reject, 550, "5.7"),
        (Reject, 550, "5.7.1 "),
        (Reject, 550, "5.7.1\r\n250 ok"),
        (Reject, 550, "5.7.1234"),
        (Reject, 550, "5.\u0663.1"),
        (Reject, 550, ""),
        (Defer, 550, "4.7.1"),
        (Defer, 451, "5.7.1"),
        (Defer, 451, "2.0.0"),
    ],
)
def test_a_code_that_contradicts_its_verdict_cannot_be_built(
    kind: type[Reject | Defer], code: int, enhanced: str
) -> None:
    with pytest.raises(ValueError, match=kind.__name__):
        kind(code=code, enhanced=enhanced)


def test_codes_that_agree_are_taken() -> None:
    assert Reject(code=554, enhanced="5.6.0").code == 554
    assert Defer(code=421, enhanced="4.3.2").enhanced == "4.3.2"


def test_a_reply_of_several_lines_is_made_printable_line_by_line() -> None:
    reject = Reject(text="See\r\nhttps://example.com/\u00fc\x00\nlast\rline")
    assert reject.lines() == ("See", "https://example.com/??", "last?line")


def test_a_reply_has_at_most_32_lines_of_480_characters() -> None:
    lines = Defer(text="\n".join(["x" * 1000] * 100)).lines()
    assert len(lines) == 32
    assert {len(line) for line in lines} == {480}


@given(st.text())
def test_no_text_breaks_out_of_its_reply(text: str) -> None:
    lines = Reject(text=text).lines()
    assert lines
    assert all(" " <= character <= "~" for line in lines for character in line)
