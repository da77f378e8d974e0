from dataclasses import replace

from relayguard.top.alarms import alarms
from relayguard.top.view import Process
from tests.relayguard.top.conftest import AFTER, a_view

QUIET = 'relayguard_workers{listener="a",state="serving"} 2\n'


def test_where_all_is_well_there_is_no_alarm() -> None:
    assert alarms(a_view(QUIET, QUIET)) == []
    # What failed before is no news.
    assert not [line for line in alarms(a_view(AFTER, AFTER)) if "fails" in line or "DNS" in line]


def test_what_is_wrong_is_said_the_worst_first() -> None:
    assert alarms(a_view()) == [
        "dkim is not called at end_of_message: it kept failing (see the log)",
        "DNS did not answer 25% of what it was asked (timeout or SERVFAIL)",
        "the store redis is not asked just now, and limits are counted elsewhere (timeout)",
        "the worker in slot 10 was last heard of 40 s ago",
    ]


def test_nobody_serving_mail_that_fails_filters_that_fail_and_a_restart_are_alarms() -> None:
    before = "relayguard_dns_cache_hits_total 5\n"
    after = """\
relayguard_envelopes_total{role="incoming",outcome="failed",filter=""} 5
relayguard_filter_failures_total{filter="spf",stage="helo",kind="exception"} 10
relayguard_store_operations_total{store="lmdb",outcome="full"} 1
"""
    assert alarms(a_view(before, after)) == [
        "no worker serves: the MTA does what its milter_default_action says",
        "0.5 envelopes a second fail: see the log",
        "spf fails 1 times a second: see the log",
        "the store lmdb fails: full",
        "the daemon was started anew since the last look: the rates are too low this once",
    ]


def test_a_supervisor_is_not_heard_of_and_is_no_alarm() -> None:
    view = replace(a_view(QUIET, QUIET), processes=[Process("supervisor", 1, 0, None), Process("0", 1, 0, 14)])
    assert alarms(view) == []
