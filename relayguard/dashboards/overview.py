"""The first look: is mail flowing, is it safe, who attacks, and what is slow."""

from relayguard.core.panels import Panel, Query, Row, Shape, Unit, highest, quantile, rate, ratio, select, total

ROLE = 'role=~"$role"'
LISTENER = 'listener=~"$listener"'
_SERVING = total("relayguard_workers", "instance", "listener", where=['state="serving"'])
_ENVELOPES = rate("relayguard_envelopes_total", where=[ROLE])


def _share(outcomes: str) -> str:
    return ratio(rate("relayguard_envelopes_total", where=[ROLE, f'outcome=~"{outcomes}"']), _ENVELOPES)


_AT_A_GLANCE = Row(
    dashboard="Overview",
    title="Is mail safe?",
    panels=(
        Panel(
            title="Hosts",
            help="How many daemons Prometheus hears of. Fewer than there are: one is down, or cannot be reached.",
            queries=[Query(f"count(count by (instance) ({select('relayguard_generation')}))")],
            unit=Unit.NUMBER,
            shape=Shape.NUMBER,
            alarm=1,
            low=True,
        ),
        Panel(
            title="Workers that serve",
            help="On the listener that has fewest. None: its mail does not pass, and the MTA defers it or lets it through"
            " unchecked. See Workers and reloads.",
            queries=[Query(f"min({_SERVING})")],
            unit=Unit.NUMBER,
            shape=Shape.NUMBER,
            alarm=1,
            low=True,
        ),
        Panel(
            title="Messages",
            help="Envelopes that ended, a second. None although mail should come: ask the MTA whether it reaches us.",
            queries=[Query(_ENVELOPES)],
            unit=Unit.PER_SECOND,
            shape=Shape.NUMBER,
        ),
        Panel(
            title="Refused",
            help="The share that was rejected, discarded or held. A jump: an attack, or a rule that is too strict;"
            " which filter it was stands below.",
            queries=[Query(_share("rejected|discarded|quarantined"))],
            unit=Unit.RATIO,
            shape=Shape.NUMBER,
            warn=0.5,
        ),
        Panel(
            title="Deferred",
            help="The share that was told to come again. Honest mail waits then: look at DNS, at filter failures and"
            " at rate limits.",
            queries=[Query(_share("deferred|failed"))],
            unit=Unit.RATIO,
            shape=Shape.NUMBER,
            warn=0.05,
            alarm=0.2,
        ),
        Panel(
            title="Findings lost",
            help="Hook calls that failed, a second: checks were left out. The log line 'filter failed' says why.",
            queries=[Query(rate("relayguard_filter_failures_total"))],
            unit=Unit.PER_SECOND,
            shape=Shape.NUMBER,
            alarm=0.001,
            quiet=True,
        ),
    ),
)

_MAIL = Row(
    dashboard="Overview",
    title="Mail",
    panels=(
        Panel(
            title="What became of messages",
            help="Envelopes by outcome. 'aborted' is the client's doing, 'failed' ours: then look at the log.",
            queries=[Query(rate("relayguard_envelopes_total", "outcome", where=[ROLE]), "{{outcome}}")],
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            title="Who decided",
            help="Envelopes that were not simply accepted, by the filter that decided. One that stands out suddenly:"
            " look for its results in the log, and put it into shadow mode if it errs.",
            queries=[
                Query(
                    rate("relayguard_envelopes_total", "filter", "outcome", where=[ROLE, 'filter!=""']),
                    "{{filter}}: {{outcome}}",
                )
            ],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="What shadow mode would have done",
            help="Envelopes that would have ended otherwise. Read their log lines before you enforce a filter.",
            queries=[
                Query(rate("relayguard_would_be_total", "filter", "outcome", where=[ROLE]), "{{filter}}: {{outcome}}")
            ],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Envelopes begun, by role",
            help="Incoming mail, submissions, and mail of this host. Many submissions at night may be a stolen password.",
            queries=[Query(rate("relayguard_envelopes_begun_total", "role", where=[ROLE]), "{{role}}")],
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            title="Recipients refused",
            help="Recipients refused one by one, by filter; 'would be' is what shadow mode lets pass.",
            queries=[
                Query(rate("relayguard_recipients_refused_total", "filter", "outcome"), "{{filter}}: {{outcome}}"),
                Query(
                    rate("relayguard_recipients_would_be_refused_total", "filter", "outcome"),
                    "{{filter}}: would be {{outcome}}",
                ),
            ],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Clients",
            help="Clients that the MTA reported, by listener, and those refused at connect or HELO. A flood: add a"
            " limit on connections.",
            queries=[
                Query(rate("relayguard_connections_total", "listener", where=[LISTENER]), "{{listener}}"),
                Query(
                    rate("relayguard_sessions_refused_total", "filter", "outcome"),
                    "refused: {{filter}} {{outcome}}",
                ),
            ],
            unit=Unit.PER_SECOND,
        ),
    ),
)

_TIME = Row(
    dashboard="Overview",
    title="Time and size",
    panels=(
        Panel(
            title="How long the MTA waits for the end of a message",
            help="Postfix gives a command 30 s and a message 300 s. Seconds here: DNS is slow, or a filter is; see"
            " Filters and performance.",
            queries=[
                Query(
                    quantile(share, "relayguard_stage_duration_seconds", where=['stage="end_of_message"']),
                    f"{100 * share:g} %",
                )
                for share in (0.5, 0.95, 0.99)
            ],
            unit=Unit.SECONDS,
            warn=5,
            alarm=25,
        ),
        Panel(
            title="From MAIL FROM to the decision",
            help="With the client's own time: high with a low wait of the MTA means slow clients, not a slow filter.",
            queries=[
                Query(
                    quantile(share, "relayguard_envelope_duration_seconds", where=[ROLE]),
                    f"{100 * share:g} %",
                )
                for share in (0.5, 0.99)
            ],
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Size of messages",
            help="Half of all messages, and all but one in a hundred, are no larger.",
            queries=[
                Query(quantile(share, "relayguard_message_bytes", where=[ROLE]), f"{100 * share:g} %")
                for share in (0.5, 0.99)
            ],
            unit=Unit.BYTES,
        ),
        Panel(
            title="Clients connected now",
            help="Grows without end: clients hang, or we do not answer. Compare it with Workers and reloads.",
            queries=[Query(total("relayguard_sessions_active", "listener", where=[LISTENER]), "{{listener}}")],
            unit=Unit.NUMBER,
        ),
        Panel(
            title="Bounds hit",
            help="Messages that ran into a bound on work. Many: somebody sends what is made to be dear.",
            queries=[Query(rate("relayguard_caps_hit_total", "cap"), "{{cap}}")],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Filters that are not called",
            help="1 while a filter that keeps failing is left out at a stage. Its failure policy holds meanwhile.",
            queries=[Query(highest("relayguard_filter_breaker_open", "filter", "stage"), "{{filter}} at {{stage}}")],
            unit=Unit.NUMBER,
            alarm=1,
            quiet=True,
        ),
    ),
)

ROWS = (_AT_A_GLANCE, _MAIL, _TIME)
