"""What filters lean on: DNS, and the store of counters."""

from relayguard.core.panels import Panel, Query, Row, Shape, Unit, highest, quantile, rate, ratio

_QUERIES = rate("relayguard_dns_queries_total")
_HITS = rate("relayguard_dns_cache_hits_total")

_DNS = Row(
    dashboard="DNS and stores",
    title="DNS",
    panels=(
        Panel(
            title="Questions without an answer",
            help="The share that timed out or was refused. Above a few per cent: try another resolver, nearer to you.",
            queries=[Query(ratio(rate("relayguard_dns_queries_total", where=['status="temperror"']), _QUERIES))],
            unit=Unit.RATIO,
            shape=Shape.NUMBER,
            warn=0.05,
            alarm=0.2,
        ),
        Panel(
            title="Answered from the cache",
            help="Low: many different senders, or short TTLs. A resolver with a cache on this host helps.",
            queries=[Query(ratio(_HITS, f"({_HITS} + {_QUERIES})"))],
            unit=Unit.RATIO,
            shape=Shape.NUMBER,
        ),
        Panel(
            title="Questions by status",
            help="What was not in the cache, by what came of it.",
            queries=[Query(rate("relayguard_dns_queries_total", "status"), "{{status}}")],
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            title="Questions by type",
            help="Many TXT are DKIM, SPF and DMARC; many A and MX are SPF records with many mechanisms.",
            queries=[Query(rate("relayguard_dns_queries_total", "type"), "{{type}}")],
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            title="Time until DNS answers",
            help="Retries included. Each message waits for a few answers, one after another: 100 ms here is felt.",
            queries=[
                Query(quantile(share, "relayguard_dns_duration_seconds"), f"{100 * share:g} %")
                for share in (0.5, 0.95, 0.99)
            ],
            unit=Unit.SECONDS,
            warn=1,
        ),
    ),
)

_STORE = Row(
    dashboard="DNS and stores",
    title="Store of counters",
    panels=(
        Panel(
            title="Counted elsewhere",
            help="1 while a store does not answer, and each host or worker counts its part of the limits alone.",
            queries=[Query(highest("relayguard_store_fallback_active", "store"), "{{store}}")],
            unit=Unit.NUMBER,
            alarm=1,
            quiet=True,
        ),
        Panel(
            title="Operations",
            help="By whether the store answered. 'full': give it more room. 'timeout': it is slow, or far away.",
            queries=[
                Query(rate("relayguard_store_operations_total", "store", "outcome"), "{{store}}: {{outcome}}"),
                Query(rate("relayguard_store_files_moved_aside_total"), "broken files moved aside"),
            ],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Time until the store answers",
            help="It is given up after 50 ms. Milliseconds are right for a server, a tenth of one for a file.",
            queries=[
                Query(
                    quantile(share, "relayguard_store_duration_seconds", "store"), f"{{{{store}}}}: {100 * share:g} %"
                )
                for share in (0.5, 0.99)
            ],
            unit=Unit.SECONDS,
            quiet=True,
        ),
    ),
)

ROWS = (_DNS, _STORE)
