"""Two looks at a daemon that never was, and what they come to."""

from collections.abc import Callable

import pytest
from rich.console import Console, RenderableType

from relayguard.stores.backend import Entry
from relayguard.top.rates import Interval
from relayguard.top.scrape import Scrape, parse
from relayguard.top.view import Hottest, View, view_of

URL = "http://127.0.0.1:9108/metrics"

BEFORE = """\
relayguard_build_info{version="1.2"} 1
relayguard_generation 3
relayguard_reload_success_timestamp_seconds 1000
relayguard_workers{listener="a",state="serving"} 2
relayguard_workers{listener="a",state="draining"} 1
relayguard_sessions_active{listener="a"} 5
relayguard_connections_total{listener="a"} 100
relayguard_envelopes_total{role="incoming",outcome="accepted",filter=""} 50
relayguard_envelopes_total{role="incoming",outcome="rejected",filter="spf"} 10
relayguard_envelopes_total{role="submission",outcome="accepted",filter=""} 7
relayguard_filter_duration_seconds_bucket{filter="spf",stage="mail_from",le="0.01"} 10
relayguard_filter_duration_seconds_bucket{filter="spf",stage="mail_from",le="0.1"} 10
relayguard_filter_duration_seconds_bucket{filter="spf",stage="mail_from",le="+Inf"} 10
relayguard_filter_duration_seconds_count{filter="spf",stage="mail_from"} 10
relayguard_filter_duration_seconds_sum{filter="spf",stage="mail_from"} 1
relayguard_process_cpu_seconds_total{process="0"} 3
"""

AFTER = """\
relayguard_build_info{version="1.2"} 1
relayguard_generation 3
relayguard_reload_success_timestamp_seconds 1000
relayguard_workers{listener="a",state="serving"} 2
relayguard_workers{listener="a",state="draining"} 1
relayguard_sessions_active{listener="a"} 6
relayguard_sessions_refused_total{stage="connect",filter="ratelimit",outcome="rejected"} 20
relayguard_sessions_refused_total{stage="helo",filter="ratelimit",outcome="shadow"} 10
relayguard_connections_total{listener="a"} 130
relayguard_envelopes_total{role="incoming",outcome="accepted",filter=""} 80
relayguard_envelopes_total{role="incoming",outcome="rejected",filter="spf"} 15
relayguard_envelopes_total{role="submission",outcome="accepted",filter=""} 7
relayguard_would_be_total{role="incoming",outcome="rejected",filter="dmarc"} 40
relayguard_recipients_refused_total{filter="ratelimit",outcome="deferred"} 5
relayguard_auth_results_total{method="spf",result="pass"} 30
relayguard_auth_results_total{method="spf",result="temperror"} 1
relayguard_filter_duration_seconds_bucket{filter="spf",stage="mail_from",le="0.01"} 20
relayguard_filter_duration_seconds_bucket{filter="spf",stage="mail_from",le="0.1"} 30
relayguard_filter_duration_seconds_bucket{filter="spf",stage="mail_from",le="+Inf"} 30
relayguard_filter_duration_seconds_count{filter="spf",stage="mail_from"} 30
relayguard_filter_duration_seconds_sum{filter="spf",stage="mail_from"} 2
relayguard_filter_failures_total{filter="dkim",stage="end_of_message",kind="deadline"} 10
relayguard_filter_breaker_open{filter="dkim",stage="end_of_message"} 1
relayguard_filter_breaker_open{filter="spf",stage="mail_from"} 0
relayguard_dns_queries_total{type="TXT",status="found"} 15
relayguard_dns_queries_total{type="TXT",status="temperror"} 5
relayguard_dns_cache_hits_total 60
relayguard_limit_decisions_total{limit="logins",outcome="over"} 10
relayguard_limit_fullest_ratio{limit="logins"} 1
relayguard_limit_keys_nearly_used_up{limit="logins"} 4
relayguard_store_operations_total{store="redis",outcome="ok"} 10
relayguard_store_operations_total{store="redis",outcome="timeout"} 10
relayguard_store_fallback_active{store="redis"} 1
relayguard_caps_hit_total{cap="arc_sets"} 10
relayguard_spoof_signals_total{signal="lookalike",setting="shadow"} 5
relayguard_headers_stripped_total 0
relayguard_process_resident_memory_bytes{process="10"} 64000000
relayguard_process_resident_memory_bytes{process="9"} 63000000
relayguard_process_resident_memory_bytes{process="supervisor"} 50000000
relayguard_process_cpu_seconds_total{process="9"} 5
relayguard_worker_heartbeat_timestamp_seconds{slot="9"} 1998
relayguard_worker_heartbeat_timestamp_seconds{slot="10"} 1960
relayguard_process_cpu_seconds_total{process="0"} 3
"""

HOTTEST = Hottest("/var/lib/limits", [Entry("logins", "bob@example.com", 1.0, 0.0)])

Drawn = Callable[..., str]


def looks(before: str = BEFORE, after: str = AFTER) -> tuple[Scrape, Scrape]:
    """Ten seconds lie between them."""
    return parse(before, 100, 1990), parse(after, 110, 2000)


def a_view(before: str = BEFORE, after: str = AFTER, hottest: Hottest = HOTTEST) -> View:
    return view_of(URL, Interval(*looks(before, after)), hottest)


@pytest.fixture
def drawn() -> Drawn:
    """Draw something as plain text, for so many columns and lines."""

    def draw(what: RenderableType, width: int = 80, height: int = 100) -> str:
        console = Console(width=width, height=height, color_system=None, force_terminal=False)
        with console.capture() as captured:
            console.print(what)
        return captured.get()

    return draw
