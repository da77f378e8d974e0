"""``relayguard check``: is the configuration right?"""

from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError


@click.command("check")
@config_option
def command(config_path: Path) -> None:
    """Print every error of the configuration at once; exit with 0 only if there is none."""
    from relayguard.cli.offline import load_checked

    try:
        config, filters = load_checked(config_path)
    except ConfigError as error:
        fail(error, config_path)
    if "." not in config.authserv_id:
        click.echo(f"{config_path}: authserv_id: {config.authserv_id!r} names no organisation: set it", err=True)
    click.echo(f"{config_path}: ok, {len(filters)} filters: {', '.join(each.name for each in filters)}")
