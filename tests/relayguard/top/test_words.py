import pytest

from relayguard.top import words
from relayguard.top.rates import Count, Quantile


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0, "0"), (0.001, "<0.01"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1234"), (Count(2, 9), "2.00")],
)
def test_a_rate_takes_a_few_characters_and_what_never_happened_none(value: Count | float | None, shown: str) -> None:
    assert words.rate(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.00031, "0.31 ms"),
        (0.25, "250 ms"),
        (2.5, "2.5 s"),
        (Quantile(0.001, "<"), "<1.00 ms"),
        (Quantile(30, ">"), ">30.0 s"),
    ],
)
def test_a_time_has_a_unit_in_which_it_is_short(value: Quantile | float | None, shown: str) -> None:
    assert words.time(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.9, "0 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (200_000, "2 d 7 h")],
)
def test_a_duration_has_its_two_greatest_units(seconds: float | None, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), (0, "0%"), (0.001, "<1%"), (0.25, "25%"), (1.5, "150%")])
def test_a_part_that_is_small_is_not_none(value: float | None, shown: str) -> None:
    assert words.part(value) == shown


def test_memory_and_numbers_are_whole() -> None:
    assert (words.memory(63_400_000), words.whole(7.0)) == ("63 MB", "7")
