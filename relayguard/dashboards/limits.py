"""Who is limited, and how near others are to it."""

from relayguard.core.panels import Panel, Query, Row, Shape, Unit, highest, rate

ROWS = (
    Row(
        dashboard="Rate limits",
        title="Limits",
        panels=(
            Panel(
                title="Over the limit",
                help="What was charged and was over a limit. Who it was, the log lines and 'relayguard limits top'"
                " tell; 'relayguard limits reset KEY' forgives.",
                queries=[
                    Query(rate("relayguard_limit_decisions_total", "limit", where=['outcome="over"']), "{{limit}}")
                ],
                unit=Unit.PER_SECOND,
                quiet=True,
            ),
            Panel(
                title="Within the limit",
                help="What was charged and admitted. None although there is mail: the rule matches nothing.",
                queries=[
                    Query(
                        rate("relayguard_limit_decisions_total", "limit", where=['outcome="admitted"']), "{{limit}}"
                    )
                ],
                unit=Unit.PER_SECOND,
                quiet=True,
            ),
            Panel(
                title="Keys that have nearly used a limit up",
                help="Keys at 80 per cent or more. If honest users are among them, raise the limit before they complain.",
                queries=[Query(highest("relayguard_limit_keys_nearly_used_up", "limit"), "{{limit}}")],
                unit=Unit.NUMBER,
                quiet=True,
            ),
            Panel(
                title="Fullest key",
                help="How much of each limit the key that used it most has used. Near 1 for hours: a hijacked account,"
                " or a limit that is too low.",
                queries=[Query(highest("relayguard_limit_fullest_ratio", "limit"), "{{limit}}")],
                unit=Unit.RATIO,
                shape=Shape.BARS,
                warn=0.8,
                alarm=1,
                wide=True,
                quiet=True,
            ),
        ),
    ),
)
