"""``relayguard check``: is the configuration right?"""

from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError, load


@click.command("check")
@config_option
def command(config_path: Path) -> None:
    """Print every error of the configuration at once; exit with 0 only if there is none."""
    from relayguard.cli.offline import check_filters

    try:
        config = load(config_path)
        filters = check_filters(config)
    except ConfigError as error:
        fail(_with_filters(error), config_path)
    else:
        if "." not in config.authserv_id:
            click.echo(f"{config_path}: authserv_id: {config.authserv_id!r} names no organisation: set it", err=True)
        click.echo(f"{config_path}: ok, {len(filters)} filters: {', '.join(each.name for each in filters)}")


def _with_filters(error: ConfigError) -> ConfigError:
    """Add what is wrong with the filters, as far as the rest of the file tells."""
    from relayguard.cli.offline import check_filters

    if error.rest is None:
        return error
    try:
        check_filters(error.rest)
    except ConfigError as more:
        return ConfigError([*error.problems, *more.problems])
    return error
