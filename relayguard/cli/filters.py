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

    from relayguard.cli.negotiation import filter_table, negotiation
    from relayguard.cli.offline import load_checked

    try:
        snapshot, filters = load_checked(config_path)
    except ConfigError as error:
        fail(error, config_path)
    console = Console()
    for name, own in filters.items():
        console.print(filter_table(own))
        for line in negotiation(name, snapshot.config.listener[name].address, own):
            console.print(line, markup=False, highlight=False)
