"""``relayguard reload``: let a changed configuration serve, without losing a session."""

import sys
from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import DEFAULT_PATH, Config, ConfigError

_SECONDS = 180.0


@click.command("reload")
@config_option
@click.option(
    "--control",
    type=click.Path(path_type=Path),
    help="The daemon's control socket. Default: what the configuration says, as far as it can be read.",
)
def command(config_path: Path, control: Path | None) -> None:
    """Ask the running daemon to read its configuration again, and wait until it serves or is refused.

    A configuration with errors changes nothing: they are printed, and the exit status is 1.
    """
    from relayguard.config import load
    from relayguard.daemon.control import ControlError, ask

    broken: ConfigError | None = None
    try:
        config = load(config_path)
    except ConfigError as error:
        # What is wrong in the file, the daemon is to say, and to count and log; where it is, the rest may tell.
        broken, config = error, error.rest or Config()
        if error.rest is None and control is None and config_path != DEFAULT_PATH:
            # Who listens at the default path may be another daemon.
            fail(error, config_path)
    path = control or config.daemon.control
    if not isinstance(path, Path):
        click.echo("daemon.control is off: send SIGHUP to the daemon, and see its log", err=True)
        sys.exit(1)
    try:
        answer = ask(path, "reload", _SECONDS)
    except ControlError as error:
        if broken is not None:
            fail(broken, config_path)
        click.echo(str(error), err=True)
        sys.exit(1)
    for line in answer.lines:
        click.echo(line, err=not answer.ok)
    sys.exit(0 if answer.ok else 1)
