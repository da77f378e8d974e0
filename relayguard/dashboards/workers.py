"""The processes: who serves, who was replaced and why, and what a reload did."""

from relayguard.core.panels import Panel, Query, Row, Shape, Unit, highest, rate, select, total

_HEARTBEAT = select("relayguard_worker_heartbeat_timestamp_seconds")

_WORKERS = Row(
    dashboard="Workers and reloads",
    title="Workers",
    panels=(
        Panel(
            title="Workers by state",
            help="'starting' for long: they do not come up; see the log. 'draining' are those of an old configuration.",
            queries=[Query(total("relayguard_workers", "listener", "state"), "{{listener}}: {{state}}")],
            unit=Unit.NUMBER,
            stacked=True,
        ),
        Panel(
            title="Workers replaced",
            help="By why. 'signal' is a crash or the kernel out of memory, 'heartbeat' one that hung, 'memory' one that"
            " grew. Single ones cost little; again and again, a filter is to blame: the log says where it stood.",
            queries=[
                Query(rate("relayguard_workers_replaced_total", "listener", "cause"), "{{listener}}: {{cause}}")
            ],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="Silence of the quietest worker",
            help="Seconds since the worker that was heard of longest ago spoke. One that hangs is ended and replaced.",
            # Not time(): how long ago the scrape was is no silence of theirs.
            queries=[Query(f"max(timestamp({_HEARTBEAT}) - {_HEARTBEAT})", "silence")],
            unit=Unit.SECONDS,
            warn=10,
        ),
        Panel(
            title="Memory",
            help="Resident memory of each process. A worker that grows beyond daemon.worker_memory is replaced.",
            queries=[
                Query(highest("relayguard_process_resident_memory_bytes", "instance", "process"), "{{process}}")
            ],
            unit=Unit.BYTES,
        ),
        Panel(
            title="CPU",
            help="Cores in use by each process. All workers near 1: there is more mail than this host can check.",
            queries=[Query(rate("relayguard_process_cpu_seconds_total", "instance", "process"), "{{process}}")],
            unit=Unit.NUMBER,
            stacked=True,
        ),
    ),
)

_RELOADS = Row(
    dashboard="Workers and reloads",
    title="Reloads",
    panels=(
        Panel(
            title="Generation",
            help="Grows by one with each configuration that begins to serve.",
            queries=[Query(highest("relayguard_generation", "instance"), "{{instance}}")],
            unit=Unit.NUMBER,
        ),
        Panel(
            title="Reloads",
            help="'refused': the configuration has errors. 'failed': it could not begin to serve. The old one serves on;"
            " 'relayguard check' says what is wrong.",
            queries=[Query(rate("relayguard_reloads_total", "outcome"), "{{outcome}}")],
            unit=Unit.PER_SECOND,
            quiet=True,
        ),
        Panel(
            title="What was last asked for serves",
            help="0: the configuration of the last reload does not serve, the one before it does. The log says why.",
            queries=[Query(f"min by (instance) ({select('relayguard_last_reload_successful')})", "{{instance}}")],
            unit=Unit.NUMBER,
        ),
        Panel(
            title="The configuration serves since",
            help="When the configuration that serves began to serve. Older than your last change: you have not reloaded.",
            queries=[
                Query(f"1000 * {highest('relayguard_reload_success_timestamp_seconds', 'instance')}", "{{instance}}")
            ],
            unit=Unit.TIME,
            shape=Shape.TABLE,
        ),
        Panel(
            title="Versions",
            help="More than one: an upgrade is not everywhere yet, or workers of the one before still drain.",
            queries=[Query(highest("relayguard_build_info", "instance", "version"), "{{instance}}: {{version}}")],
            unit=Unit.NUMBER,
            shape=Shape.TABLE,
        ),
    ),
)

ROWS = (_WORKERS, _RELOADS)
