"""``relayguard filters``: what runs, in which order, and what it needs."""

from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError


@click.command("filters")
@config_option
def command(config_path: Path) -> None:
    """Show the filters in their order, the stages they see, what each needs, and what the MTA is asked for."""
    from rich.console import Console
    from rich.table import Table

    from relayguard.cli.offline import load_checked
    from relayguard.pipeline.needs import needs_of

    try:
        config, filters = load_checked(config_path)
    except ConfigError as error:
        fail(error, config_path)
    table = Table("", "filter", "mode", "on failure", "stage", "needs")
    for number, each in enumerate(filters, 1):
        modes = {f"{role}: {mode}" for role, mode in each.policy.modes.items()}
        distinct = set(each.policy.modes.values())
        mode = distinct.pop().value if len(distinct) == 1 else "\n".join(sorted(modes))
        table.add_row(
            str(number),
            each.name,
            mode,
            each.policy.on_failure.value,
            "\n".join(stage.value for stage in each.hooks),
            "\n".join(", ".join(hook.arguments) for hook in each.hooks.values()),
        )
    console = Console()
    console.print(table)
    needs = needs_of(filters)
    body = "kept" if needs.keep_body else "streamed" if needs.watch else "not asked for"
    replies = ", ".join(sorted(stage.value for stage in needs.replies))
    console.print(
        f"listener {config.listener.name} ({config.listener.address}): the MTA waits at {replies}; body: {body}"
    )
