"""What the spoof filter counts, as panels of a dashboard of its own."""

from relayguard import panels

_OWN = "relayguard_own_domain_mail_total"
_SIGNALS = "relayguard_spoof_signals_total"

ROWS = (
    panels.Row(
        dashboard="Spoofing",
        title="In our name",
        panels=(
            panels.Panel(
                title="Mail in the name of own domains, from outside",
                help="By whether SPF, DKIM or DMARC speak for it. 'unproven' is forgery, or a service that sends for you"
                " and that your SPF and DKIM do not know yet: the log lines say from where.",
                queries=[panels.Query(panels.rate(_OWN, "domain", "result"), "{{domain}}: {{result}}")],
                unit=panels.Unit.PER_SECOND,
                quiet=True,
            ),
            panels.Panel(
                title="The share of it that nothing speaks for",
                help="Should fall to what attackers send before you publish p=reject.",
                queries=[
                    panels.Query(
                        panels.ratio(
                            panels.rate(_OWN, "domain", where=['result="unproven"']), panels.rate(_OWN, "domain")
                        ),
                        "{{domain}}",
                    )
                ],
                unit=panels.Unit.RATIO,
                warn=0.2,
                quiet=True,
            ),
        ),
    ),
    panels.Row(
        dashboard="Spoofing",
        title="Signals",
        panels=(
            panels.Panel(
                title="Signals that are enforced",
                help="Those on which the policy acts. A jump after a change of protected names: look for honest mail.",
                queries=[panels.Query(panels.rate(_SIGNALS, "signal", where=['setting="enforce"']), "{{signal}}")],
                unit=panels.Unit.PER_SECOND,
                quiet=True,
            ),
            panels.Panel(
                title="Signals in shadow",
                help="What is only told so far. Read the 'notes' of their log lines before you enforce one.",
                queries=[panels.Query(panels.rate(_SIGNALS, "signal", where=['setting="shadow"']), "{{signal}}")],
                unit=panels.Unit.PER_SECOND,
                quiet=True,
            ),
        ),
    ),
)
