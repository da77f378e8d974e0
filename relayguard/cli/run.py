"""``relayguard run``: serve mail in the foreground."""

import asyncio
import os
import sys
from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError, load


@click.command("run")
@config_option
def command(config_path: Path) -> None:
    """Serve mail until SIGTERM. Logs go to standard error."""
    from relayguard.daemon.listeners import ListenError
    from relayguard.daemon.worker import serve
    from relayguard.log import make_logger

    try:
        config = load(config_path)
        logger = make_logger(config.log.format, config.log.level)
        status = asyncio.run(serve(config, logger))
    except ConfigError as error:
        fail(error, config_path)
    except ListenError as error:
        click.echo(str(error), err=True)
        sys.exit(69)
    else:
        # libmilter's threads outlive its use, and must not meet an interpreter that is being taken down.
        sys.stderr.flush()
        os._exit(status)
