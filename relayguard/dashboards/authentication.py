"""What SPF, DKIM, DMARC and ARC say of mail, and what was forged in it."""

from relayguard.core.panels import Panel, Query, Row, Shape, Unit, rate, ratio

_METHODS = (
    ("spf", "SPF", "temperror: the senders' DNS, or ours. permerror: broken records of others."),
    ("dkim", "DKIM", "Many that fail at once: something between the sender and us changes messages. Ask your MTA."),
    ("dmarc", "DMARC", "Failures of your own domains are mail that you have not told of, or forgery: see Spoofing."),
    ("arc", "ARC", "Chains that pass are evidence only if you trust the sealer (dmarc.trusted_sealers)."),
    ("iprev", "iprev", "Whether the client's address has a name that leads back to it."),
    ("auth", "Login", "Submissions by users who have logged in."),
)


def _of(method: str) -> str:
    return f'method="{method}"'


def _passed(method: str) -> str:
    name = "relayguard_auth_results_total"
    return ratio(
        rate(name, where=[_of(method), 'result="pass"']), rate(name, where=[_of(method), 'result!~"none|neutral"'])
    )


_SHARES = Row(
    dashboard="Authentication",
    title="How much passes",
    panels=[
        Panel(
            title=title,
            help=f"Of the {title} results that say anything, the share that passes. A sudden fall: DNS is away, or a"
            " large sender has broken something.",
            queries=[Query(_passed(method))],
            unit=Unit.RATIO,
            shape=Shape.NUMBER,
            warn=0.7,
            alarm=0.3,
            low=True,
        )
        for method, title, _ in _METHODS[:4]
    ],
)

_RESULTS = Row(
    dashboard="Authentication",
    title="Results",
    panels=[
        Panel(
            title=title,
            help=f"Results as they go into Authentication-Results. {advice}",
            queries=[Query(rate("relayguard_auth_results_total", "result", where=[_of(method)]), "{{result}}")],
            unit=Unit.PER_SECOND,
            stacked=True,
            quiet=method in {"arc", "iprev", "auth"},
        )
        for method, title, advice in _METHODS
    ],
)

_FORGED = Row(
    dashboard="Authentication",
    title="Forged",
    panels=(
        Panel(
            title="Forged fields removed",
            help="Authentication-Results in our name, and other fields that strip_headers names, that strangers sent.",
            queries=[Query(rate("relayguard_headers_stripped_total"), "fields")],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
    ),
)

ROWS = (_SHARES, _RESULTS, _FORGED)
