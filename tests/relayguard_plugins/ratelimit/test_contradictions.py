import pytest

from relayguard_plugins.ratelimit.amounts import Counted, parse_amount
from relayguard_plugins.ratelimit.contradictions import COUNTED_AT, useless_beside


def test_everything_that_is_counted_is_counted_at_a_stage_that_it_may_ask_facts_of() -> None:
    assert set(COUNTED_AT) == set(Counted)


@pytest.mark.parametrize(
    ("one", "other", "useless"),
    [
        ("9 messages per hour", "10 messages per hour", True),
        ("9 messages per hour", "10 messages per day", False),
        ("9 messages per hour", "10 recipients per hour", False),
        ("9 messages per hour", "10 messages per hour, burst 5", False),
        ("9 messages per hour, burst 5", "1000 messages per day, burst 5", True),
        ("9 messages per hour, burst 50", "1000 messages per day, burst 5", False),
    ],
)
def test_a_limit_is_useless_beside_one_that_is_stricter_in_all(one: str, other: str, *, useless: bool) -> None:
    assert useless_beside(parse_amount(one), parse_amount(other)) is useless
    assert useless_beside(parse_amount(other), parse_amount(one)) is useless
