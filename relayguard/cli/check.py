"""``relayguard check``: is the configuration right?"""

from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError


@click.command("check")
@config_option
@click.option("--snapshot", type=int, hidden=True, help="A file descriptor for what workers are to run.")
def command(config_path: Path, snapshot: int | None) -> None:
    """Print every error of the configuration at once; exit with 0 only if there is none."""
    from relayguard.cli.offline import load_checked

    try:
        checked, filters = load_checked(config_path)
    except ConfigError as error:
        fail(error, config_path)
    config = checked.config
    if "." not in config.authserv_id:
        click.echo(f"{config_path}: authserv_id: {config.authserv_id!r} names no organisation: set it", err=True)
    for listener, own in filters.items():
        which = f"listener {listener}: " if len(filters) > 1 else ""
        click.echo(f"{config_path}: {which}ok, {len(own)} filters: {', '.join(each.name for each in own)}")
    if snapshot is not None:
        checked.write(snapshot)
