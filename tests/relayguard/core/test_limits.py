import pytest

from relayguard.core.limits import Algorithm, Limit


def rate(amount: int, seconds: float, burst: int) -> Limit:
    return Limit("logins", Algorithm.RATE, amount, seconds, burst)


@pytest.mark.parametrize(
    ("amount", "seconds", "burst"),
    [(0, 60.0, 1), (10, 0.0, 1), (10, 60.0, 0)],
)
def test_a_rate_that_lets_nothing_pass_is_refused(amount: int, seconds: float, burst: int) -> None:
    with pytest.raises(ValueError, match="logins: "):
        rate(amount, seconds, burst)


def test_only_a_rate_has_a_burst() -> None:
    with pytest.raises(ValueError, match="nothing else has one"):
        Limit("logins", Algorithm.WINDOW, 10, 60.0, 5)


@pytest.mark.parametrize(
    ("limit", "shares", "shared"),
    [
        (rate(100, 3600.0, 50), 4, rate(25, 3600.0, 12)),
        (rate(2, 3600.0, 2), 4, rate(1, 7200.0, 1)),
        (Limit("a", Algorithm.WINDOW, 100, 60.0), 3, Limit("a", Algorithm.WINDOW, 33, 60.0)),
        (Limit("a", Algorithm.WINDOW, 2, 60.0), 3, Limit("a", Algorithm.WINDOW, 1, 60.0)),
        (rate(100, 3600.0, 50), 1, rate(100, 3600.0, 50)),
    ],
)
def test_who_counts_apart_gets_a_share_and_never_nothing(limit: Limit, shares: int, shared: Limit) -> None:
    assert limit.divided(shares) == shared
