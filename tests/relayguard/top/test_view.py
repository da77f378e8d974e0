from relayguard.top.rates import Count, Timing
from relayguard.top.view import DnsWork, FilterWork, LimitUse, Process, StoreWork
from tests.relayguard.top.conftest import AFTER, BEFORE, a_view


def test_the_head_says_who_serves_and_since_when() -> None:
    view = a_view()
    assert (view.version, view.generation, view.served, view.seconds) == ("1.2", 3, 1000, 10)
    assert (view.workers, view.sessions, view.connections) == ({"serving": 2, "draining": 1}, 6, Count(3, 130))


def test_mail_is_told_by_role_and_outcome_and_by_what_would_be() -> None:
    view = a_view()
    assert view.mail == {
        "incoming": {"accepted": Count(3, 80), "rejected": Count(0.5, 15)},
        "submission": {"accepted": Count(0, 7)},
    }
    assert view.would_be == {"incoming": {"rejected": Count(4, 40)}}


def test_who_refuses_most_comes_first_with_what_it_refuses() -> None:
    assert list(a_view().refusals.items()) == [
        (("dmarc", "would be rejected"), {"envelopes": Count(4, 40)}),
        (("ratelimit", "rejected"), {"clients": Count(2, 20)}),
        (("ratelimit", "would be refused"), {"clients": Count(1, 10)}),
        (("spf", "rejected"), {"envelopes": Count(0.5, 15)}),
        (("ratelimit", "deferred"), {"recipients": Count(0.5, 5)}),
    ]


def test_a_filter_that_is_not_called_comes_before_those_that_are_slow() -> None:
    dkim, spf = a_view().filters
    assert dkim == FilterWork("dkim", Timing(), Count(1, 10), Count(), ["end_of_message"])
    assert (spf.name, spf.timing.rate, spf.timing.mean, spf.open) == ("spf", 2, 0.05, [])


def test_dns_tells_what_the_cache_knew_and_what_nobody_answered() -> None:
    assert a_view().dns == DnsWork(8, 0.75, 0.25, Timing())
    assert a_view(AFTER).dns == DnsWork(0, None, None, Timing())


def test_limits_and_stores_are_told_with_their_troubles() -> None:
    assert a_view().limits == [LimitUse("logins", 1, 4, Count(), Count(1, 10))]
    assert a_view().stores == [StoreWork("redis", Timing(), {"timeout": Count(1, 10)}, fallback=True)]


def test_what_a_filter_counts_itself_is_noted_beside_what_has_no_other_place() -> None:
    assert a_view().noted == {
        ("caps hit", "arc_sets"): Count(1, 10),
        ("spoof signals", "shadow", "lookalike"): Count(0.5, 5),
    }


def test_processes_are_told_in_the_order_of_their_slots() -> None:
    assert a_view().processes == [
        Process("supervisor", 50e6, 0, None),
        Process("9", 63e6, 0.5, 2),
        Process("10", 64e6, 0, 40),
    ]


def test_a_page_without_a_number_of_ours_is_a_view_of_nothing() -> None:
    view = a_view("", "something_else 1\n")
    assert (view.version, view.served, view.mail, view.workers) == ("?", None, {}, {})
    assert not a_view(BEFORE, "relayguard_reload_success_timestamp_seconds NaN\n").served
