from math import inf

import pytest

from relayguard.metrics import catalog
from relayguard.top.rates import Count, Interval, Quantile, Timing, quantile
from relayguard.top.scrape import parse
from tests.relayguard.top.conftest import AFTER, BEFORE, looks


def between(before: str, after: str, seconds: float = 10) -> Interval:
    return Interval(parse(before, 100, 0), parse(after, 100 + seconds, 0))


def test_a_counter_grows_at_a_rate_by_the_labels_that_are_asked_for() -> None:
    interval = Interval(*looks())
    assert interval.counts(catalog.CONNECTIONS) == {(): Count(3, 130)}
    assert interval.counts(catalog.ENVELOPES, "outcome") == {
        ("accepted",): Count(3, 87),
        ("rejected",): Count(0.5, 15),
    }
    assert interval.now(catalog.WORKERS, "state") == {("serving",): 2, ("draining",): 1}
    assert not interval.counts(catalog.RELOADS)


def test_what_is_counted_for_the_first_time_was_0_before() -> None:
    assert Interval(*looks()).counts(catalog.WOULD_BE, "filter") == {("dmarc",): Count(4, 40)}


@pytest.mark.parametrize(
    "after",
    [
        'relayguard_connections_total{listener="a"} 20\nrelayguard_dns_cache_hits_total 900\n',
        "relayguard_dns_cache_hits_total 900\n",
    ],
    ids=["fell", "went"],
)
def test_after_a_restart_every_counter_began_at_0_and_no_rate_is_negative(after: str) -> None:
    before = 'relayguard_connections_total{listener="a"} 100\nrelayguard_dns_cache_hits_total 800\n'
    interval = between(before, after)
    assert interval.restarted
    assert interval.counts(catalog.DNS_CACHE_HITS) == {(): Count(90, 900)}
    assert all(count.rate >= 0 for count in interval.counts(catalog.CONNECTIONS).values())


def test_a_gauge_that_falls_is_no_restart() -> None:
    assert not between("relayguard_sessions_active 5\n", "relayguard_sessions_active 2\n").restarted


def test_times_are_those_of_the_interval_alone() -> None:
    (timing,) = Interval(*looks()).timings(catalog.FILTER_SECONDS, "filter").values()
    assert timing[:3] == (2, 0.05, Quantile(0.01, "<"))
    assert timing.p99 is not None
    assert timing.p99.seconds == pytest.approx(0.0982)
    assert timing.busy == pytest.approx(0.1)


def test_what_was_not_done_took_no_time() -> None:
    (timing,) = between(BEFORE, BEFORE).timings(catalog.FILTER_SECONDS, "filter").values()
    assert timing == Timing()
    assert timing.busy == 0


def test_after_a_restart_times_are_those_since_then() -> None:
    fewer = AFTER.replace("} 30\n", "} 8\n").replace("} 20\n", "} 5\n")
    (timing,) = between(AFTER, fewer).timings(catalog.FILTER_SECONDS, "filter").values()
    assert (timing.rate, timing.median) == (0.8, Quantile(0.01, "<"))


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (0.1, Quantile(1.0, "<")),
        (0.5, Quantile(2.0)),
        (0.45, Quantile(1.875)),
        (0.99, Quantile(4.0, ">")),
    ],
)
def test_a_quantile_lies_between_two_bounds_and_nothing_is_guessed_beyond_them(share: float, found: Quantile) -> None:
    assert quantile({1.0: 10, 2.0: 50, 4.0: 90, inf: 100}, share) == found


@pytest.mark.parametrize("buckets", [{}, {1.0: 0.0, inf: 0.0}])
def test_of_nothing_there_is_no_quantile(buckets: dict[float, float]) -> None:
    assert quantile(buckets, 0.5) is None


def test_two_looks_at_one_time_and_numbers_that_are_none_end_nothing() -> None:
    broken = 'relayguard_connections_total{listener="a"} NaN\n'
    assert between(broken, broken, 0).counts(catalog.CONNECTIONS)[()].rate == 0
    odd = 'relayguard_dns_duration_seconds_bucket{type="A",le="x"} 1\nrelayguard_dns_duration_seconds_count 1\n'
    assert between("", odd).timings(catalog.DNS_SECONDS)[()].median is None
