"""What each filter costs, and which of them fail."""

from relayguard.core.panels import Panel, Query, Row, Shape, Unit, highest, quantile, rate

_MODES = Row(
    dashboard="Filters and performance",
    title="What runs",
    panels=(
        Panel(
            title="Filters and their modes",
            help="What each filter does with its verdicts, by role; two modes of one filter are two generations, of which"
            " the older still drains. Not what you have configured: you have not reloaded.",
            queries=[Query(highest("relayguard_filter_info", "filter", "role", "mode"), "{{filter}}")],
            unit=Unit.NUMBER,
            shape=Shape.TABLE,
            wide=True,
        ),
    ),
)

_TIME = Row(
    dashboard="Filters and performance",
    title="Time",
    panels=(
        Panel(
            title="Stages: 99 of 100 are no slower",
            help="How long the MTA waits, by stage. Near 10 s for a command or 30 s for a message, filters are cut off.",
            queries=[Query(quantile(0.99, "relayguard_stage_duration_seconds", "stage"), "{{stage}}")],
            unit=Unit.SECONDS,
            warn=5,
            alarm=10,
        ),
        Panel(
            title="Filters: 99 of 100 calls are no slower",
            help="Waiting for DNS included. One filter alone: look at what it asks for. All that ask DNS: it is DNS.",
            queries=[Query(quantile(0.99, "relayguard_filter_duration_seconds", "filter"), "{{filter}}")],
            unit=Unit.SECONDS,
            warn=5,
        ),
        Panel(
            title="Where the time goes",
            help="Seconds spent in each filter, a second. Of one that only computes, 1 is a whole core.",
            queries=[Query(rate("relayguard_filter_duration_seconds_sum", "filter"), "{{filter}}")],
            unit=Unit.NUMBER,
            stacked=True,
        ),
        Panel(
            title="Calls",
            help="Hook calls by filter. None of a filter that should run: it is not in 'filters', or left out by its"
            " breaker.",
            queries=[Query(rate("relayguard_filter_duration_seconds_count", "filter"), "{{filter}}")],
            unit=Unit.PER_SECOND,
        ),
    ),
)

_TROUBLE = Row(
    dashboard="Filters and performance",
    title="Trouble",
    panels=(
        Panel(
            title="Calls that failed",
            help="Findings lost, by filter, stage and kind. The log line 'filter failed' has the trace.",
            queries=[
                Query(
                    rate("relayguard_filter_failures_total", "filter", "stage", "kind"),
                    "{{filter}} at {{stage}}: {{kind}}",
                )
            ],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Breakers",
            help="1 while a filter is not called at a stage because it kept failing; it is tried again by itself.",
            queries=[Query(highest("relayguard_filter_breaker_open", "filter", "stage"), "{{filter}} at {{stage}}")],
            unit=Unit.NUMBER,
            quiet=True,
        ),
        Panel(
            title="Event loop held",
            help="A hook computed for more than 100 ms while all other mail of its worker waited. It runs in threads"
            " from then on; better say blocking = True in the filter.",
            queries=[Query(rate("relayguard_filter_loop_held_total", "filter", "stage"), "{{filter}} at {{stage}}")],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Files that could not be read anew",
            help="A filter goes on with what it had. The log says which line of which file is wrong.",
            queries=[Query(rate("relayguard_filter_refreshes_failed_total", "filter"), "{{filter}}")],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Trouble with the MTA",
            help="'protocol': the MTA, or what pretends to be one, broke it. 'command', 'connection': ours; see the log.",
            queries=[Query(rate("relayguard_milter_failures_total", "kind"), "{{kind}}")],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
    ),
)

ROWS = (_MODES, _TIME, _TROUBLE)
