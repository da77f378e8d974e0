"""Every metric of the framework, declared once: name, type, labels as closed sets, help.

A label may hold what is listed here or what the configuration names (filters, listeners), and nothing
that came with a message.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal

from relayguard.core.caps import Cap
from relayguard.core.decision import Outcome
from relayguard.core.envelope import Role
from relayguard.core.processes import Cause, Reload, State
from relayguard.core.results import Failure
from relayguard.core.stages import Stage
from relayguard.pipeline.filters import Mode
from relayguard.pipeline.record import MilterFailure
from relayguard.services import RecordType, Status


class Kind(Enum):
    """The Prometheus type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Configured(StrEnum):
    """Labels whose values the configuration names."""

    LISTENER = "listener"
    FILTER = "filter"
    LIMIT = "limit"
    SLOT = "slot"
    """A number below the greatest number of workers that ever lived at one time."""
    PROCESS = "process"
    """``supervisor``, or a slot."""


Values = type[StrEnum] | tuple[str, ...] | Configured

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BYTES = (2_000.0, 10_000.0, 50_000.0, 100_000.0, 500_000.0, 1_000_000.0, 10_000_000.0, 50_000_000.0)

STORE_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05)

STORES = ("lmdb", "memory", "redis")
METHODS = ("spf", "dkim", "dmarc", "auth", "arc", "iprev", "other")
AUTH_RESULTS = ("none", "neutral", "pass", "fail", "softfail", "policy", "temperror", "permerror", "other")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `labels` maps a label to the values it may have.

    `merged` says how the gauges of living workers become one.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[tuple[str, Values], ...] = ()
    buckets: tuple[float, ...] = ()
    merged: Literal["livesum", "livemax"] = "livesum"


BUILD_INFO = Metric(
    "relayguard_build_info",
    Kind.GAUGE,
    "Always 1; the version is in the label.",
    (("version", ("any",)),),
    merged="livemax",
)
FILTER_INFO = Metric(
    "relayguard_filter_info",
    Kind.GAUGE,
    "Always 1: a filter that runs, and its mode for mail of a role; while a generation drains, that generation's, too.",
    (("filter", Configured.FILTER), ("role", Role), ("mode", Mode)),
    merged="livemax",
)
CONNECTIONS = Metric(
    "relayguard_connections_total",
    Kind.COUNTER,
    "Clients that the MTA reported.",
    (("listener", Configured.LISTENER),),
)
SESSIONS = Metric(
    "relayguard_sessions_active", Kind.GAUGE, "Clients connected now.", (("listener", Configured.LISTENER),)
)
SESSIONS_REFUSED = Metric(
    "relayguard_sessions_refused_total",
    Kind.COUNTER,
    "Clients refused at connect or HELO; shadow: they would have been, had no filter been in shadow mode.",
    (("stage", ("connect", "helo")), ("filter", Configured.FILTER), ("outcome", ("rejected", "deferred", "shadow"))),
)
ENVELOPES_BEGUN = Metric("relayguard_envelopes_begun_total", Kind.COUNTER, "Envelopes that began.", (("role", Role),))
ENVELOPES = Metric(
    "relayguard_envelopes_total",
    Kind.COUNTER,
    "Envelopes that ended, by what the MTA was told; the sum equals those begun.",
    (("role", Role), ("outcome", Outcome), ("filter", Configured.FILTER)),
)
WOULD_BE = Metric(
    "relayguard_would_be_total",
    Kind.COUNTER,
    "Envelopes that would have ended otherwise, had no filter been in shadow mode.",
    (("role", Role), ("outcome", Outcome), ("filter", Configured.FILTER)),
)
RECIPIENTS_REFUSED = Metric(
    "relayguard_recipients_refused_total",
    Kind.COUNTER,
    "Recipients refused one by one.",
    (("filter", Configured.FILTER), ("outcome", Outcome)),
)
RECIPIENTS_WOULD_BE_REFUSED = Metric(
    "relayguard_recipients_would_be_refused_total",
    Kind.COUNTER,
    "Recipients that would have been refused, had no filter been in shadow mode.",
    (("filter", Configured.FILTER), ("outcome", Outcome)),
)
MESSAGE_BYTES = Metric(
    "relayguard_message_bytes", Kind.HISTOGRAM, "Size of messages that ended.", (("role", Role),), BYTES
)
ENVELOPE_SECONDS = Metric(
    "relayguard_envelope_duration_seconds",
    Kind.HISTOGRAM,
    "From MAIL FROM to the decision, the client's own time included.",
    (("role", Role),),
    SECONDS,
)
STAGE_SECONDS = Metric(
    "relayguard_stage_duration_seconds",
    Kind.HISTOGRAM,
    "How long the MTA waited for all hooks of a stage, waiting for DNS included.",
    (("stage", Stage),),
    SECONDS,
)
MILTER_FAILURES = Metric(
    "relayguard_milter_failures_total",
    Kind.COUNTER,
    "Conversations with the MTA that went wrong: it broke the protocol, or we failed at a command or a connection.",
    (("kind", MilterFailure),),
)
FILTER_SECONDS = Metric(
    "relayguard_filter_duration_seconds",
    Kind.HISTOGRAM,
    "Time spent in a hook of a filter, waiting for DNS included.",
    (("filter", Configured.FILTER), ("stage", Stage)),
    SECONDS,
)
FILTER_FAILURES = Metric(
    "relayguard_filter_failures_total",
    Kind.COUNTER,
    "Hook calls whose findings were lost.",
    (("filter", Configured.FILTER), ("stage", Stage), ("kind", Failure)),
)
REFRESHES_FAILED = Metric(
    "relayguard_filter_refreshes_failed_total",
    Kind.COUNTER,
    "Times a filter could not read anew what it looks up in files, and went on with what it had.",
    (("filter", Configured.FILTER),),
)
BREAKER_OPEN = Metric(
    "relayguard_filter_breaker_open",
    Kind.GAUGE,
    "1 while a filter that keeps failing is not called at a stage, by any worker.",
    (("filter", Configured.FILTER), ("stage", Stage)),
    merged="livemax",
)
LOOP_HELD = Metric(
    "relayguard_filter_loop_held_total",
    Kind.COUNTER,
    "Times a hook held the event loop for more than 100 ms.",
    (("filter", Configured.FILTER), ("stage", Stage)),
)
RESULTS = Metric(
    "relayguard_auth_results_total",
    Kind.COUNTER,
    "Results by method, as they go into Authentication-Results.",
    (("method", METHODS), ("result", AUTH_RESULTS)),
)
HEADERS_STRIPPED = Metric(
    "relayguard_headers_stripped_total", Kind.COUNTER, "Forged Authentication-Results and other fields removed."
)
CAPS_HIT = Metric(
    "relayguard_caps_hit_total", Kind.COUNTER, "Messages that ran into a bound on work.", (("cap", Cap),)
)
DNS_QUERIES = Metric(
    "relayguard_dns_queries_total",
    Kind.COUNTER,
    "Questions that were not in the cache.",
    (("type", RecordType), ("status", Status)),
)
DNS_SECONDS = Metric(
    "relayguard_dns_duration_seconds",
    Kind.HISTOGRAM,
    "Time until DNS answered, retries included.",
    (("type", RecordType),),
    SECONDS,
)
DNS_CACHE_HITS = Metric("relayguard_dns_cache_hits_total", Kind.COUNTER, "Questions answered from the cache.")
LIMIT_DECISIONS = Metric(
    "relayguard_limit_decisions_total",
    Kind.COUNTER,
    "What was charged against a limit, by whether it was within it; what is then done, the rule's action says.",
    (("limit", Configured.LIMIT), ("outcome", ("admitted", "over"))),
)
LIMIT_FULLEST = Metric(
    "relayguard_limit_fullest_ratio",
    Kind.GAUGE,
    "How much of a limit was used by the key that used it most, in the last minute; 1 is all.",
    (("limit", Configured.LIMIT),),
    merged="livemax",
)
LIMIT_NEARLY = Metric(
    "relayguard_limit_keys_nearly_used_up",
    Kind.GAUGE,
    "Keys seen in the last minute that had used 80 % of a limit or more, in the worker that saw most.",
    (("limit", Configured.LIMIT),),
    merged="livemax",
)
STORE_OPERATIONS = Metric(
    "relayguard_store_operations_total",
    Kind.COUNTER,
    "Times a store was asked, by whether it answered, or why not.",
    (("store", STORES), ("outcome", ("ok", "timeout", "unreachable", "full", "broken"))),
)
STORE_SECONDS_TAKEN = Metric(
    "relayguard_store_duration_seconds",
    Kind.HISTOGRAM,
    "Time until a store answered, or was given up.",
    (("store", STORES),),
    STORE_SECONDS,
)
STORE_FALLBACK = Metric(
    "relayguard_store_fallback_active",
    Kind.GAUGE,
    "1 while a worker does not ask a store that does not answer, and counts elsewhere.",
    (("store", STORES),),
    merged="livemax",
)
STORE_MOVED_ASIDE = Metric(
    "relayguard_store_files_moved_aside_total", Kind.COUNTER, "Broken files of counters that were moved aside."
)

WORKERS = Metric(
    "relayguard_workers",
    Kind.GAUGE,
    "Worker processes. Listeners that share theirs are named together: a+b.",
    (("listener", Configured.LISTENER), ("state", State)),
)
WORKERS_REPLACED = Metric(
    "relayguard_workers_replaced_total",
    Kind.COUNTER,
    "Workers that were replaced, by why.",
    (("listener", Configured.LISTENER), ("cause", Cause)),
)
WORKER_HEARTBEAT = Metric(
    "relayguard_worker_heartbeat_timestamp_seconds",
    Kind.GAUGE,
    "When a worker was last heard of.",
    (("slot", Configured.SLOT),),
)
PROCESS_MEMORY = Metric(
    "relayguard_process_resident_memory_bytes",
    Kind.GAUGE,
    "Memory of a process: the supervisor, or the worker in a slot.",
    (("process", Configured.PROCESS),),
)
PROCESS_CPU = Metric(
    "relayguard_process_cpu_seconds_total",
    Kind.COUNTER,
    "CPU time spent by the supervisor, or by all workers that were in a slot.",
    (("process", Configured.PROCESS),),
)
GENERATION = Metric(
    "relayguard_generation", Kind.GAUGE, "Number of the generation that serves; grows with each reload."
)
RELOADS = Metric("relayguard_reloads_total", Kind.COUNTER, "Reloads, by how they ended.", (("outcome", Reload),))
RELOADED = Metric(
    "relayguard_last_reload_successful",
    Kind.GAUGE,
    "0 while a configuration that was to be loaded was refused or failed, and the old one serves on; else 1.",
)
RELOAD_TIME = Metric(
    "relayguard_reload_success_timestamp_seconds", Kind.GAUGE, "When the configuration that serves began to serve."
)

OF_WORKERS: tuple[Metric, ...] = (
    BUILD_INFO,
    FILTER_INFO,
    CONNECTIONS,
    SESSIONS,
    SESSIONS_REFUSED,
    ENVELOPES_BEGUN,
    ENVELOPES,
    WOULD_BE,
    RECIPIENTS_REFUSED,
    RECIPIENTS_WOULD_BE_REFUSED,
    MESSAGE_BYTES,
    ENVELOPE_SECONDS,
    STAGE_SECONDS,
    MILTER_FAILURES,
    FILTER_SECONDS,
    FILTER_FAILURES,
    REFRESHES_FAILED,
    BREAKER_OPEN,
    LOOP_HELD,
    RESULTS,
    HEADERS_STRIPPED,
    CAPS_HIT,
    DNS_QUERIES,
    DNS_SECONDS,
    DNS_CACHE_HITS,
    LIMIT_DECISIONS,
    LIMIT_FULLEST,
    LIMIT_NEARLY,
    STORE_OPERATIONS,
    STORE_SECONDS_TAKEN,
    STORE_FALLBACK,
    STORE_MOVED_ASIDE,
)
"""Counted in every worker, and added up."""

OF_PROCESSES: tuple[Metric, ...] = (
    WORKERS,
    WORKERS_REPLACED,
    WORKER_HEARTBEAT,
    PROCESS_MEMORY,
    PROCESS_CPU,
    GENERATION,
    RELOADS,
    RELOADED,
    RELOAD_TIME,
)
"""Told by the supervisor."""

CATALOG = OF_WORKERS + OF_PROCESSES
