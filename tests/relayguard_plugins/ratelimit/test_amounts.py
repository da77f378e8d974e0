import pytest

from relayguard import Algorithm
from relayguard_plugins.ratelimit.amounts import Counted, parse_amount


@pytest.mark.parametrize(
    ("text", "counted", "amount", "seconds", "burst"),
    [
        ("200 recipients per hour, burst 50", Counted.RECIPIENTS, 200, 3600, 50),
        ("5,000 messages per day", Counted.MESSAGES, 5000, 86400, 0),
        ("1 message per second", Counted.MESSAGES, 1, 1, 0),
        ("30 connections a minute", Counted.CONNECTIONS, 30, 60, 0),
        ("300 distinct recipients per 10 minutes", Counted.DISTINCT_RECIPIENTS, 300, 600, 0),
        ("1 GB per day, burst 100 MB", Counted.BYTES, 10**9, 86400, 10**8),
        ("2_000 kB per hour", Counted.BYTES, 2 * 10**6, 3600, 0),
        ("10  recipients   per 2 weeks", Counted.RECIPIENTS, 10, 1209600, 0),
    ],
)
def test_a_limit_is_written_as_people_say_it(
    text: str, counted: Counted, amount: int, seconds: float, burst: int
) -> None:
    found = parse_amount(text)
    assert (found.counted, found.amount, found.seconds, found.burst) == (counted, amount, seconds, burst)


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("200 recipients per hour, burst 50", Algorithm.RATE),
        ("200 recipients per hour", Algorithm.WINDOW),
        ("200 distinct recipients per hour", Algorithm.DISTINCT),
    ],
)
def test_a_burst_makes_it_a_rate(text: str, algorithm: Algorithm) -> None:
    assert parse_amount(text).limit("a").algorithm is algorithm


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "write such as"),
        ("many", "write such as"),
        ("200 per hour", "write such as"),
        ("200 recipients", "write such as"),
        ("200 recipients per fortnight", "write such as"),
        ("200 pigeons per hour", "write such as"),
        ("200 recipients per hour, burst 50 pigeons", "write such as"),
        ("200 recipients per hour, burst 50 MB", "the burst must be in recipients"),
        ("0 recipients per hour", "must be at least 1"),
        ("20 recipients per 0 hours", "must be at least 1"),
        ("20 recipients per hour, burst 0", "must be at least 1"),
        ("20 distinct recipients per hour, burst 5", "have no burst"),
        ("20,000 distinct recipients per hour", "at most 10,000"),
        ("9" * 40 + " recipients per hour", "write such as"),
    ],
)
def test_what_is_no_limit_is_refused_with_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_amount(text)
