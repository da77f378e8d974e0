"""The commands, one file each. Imports are local to a command: none pays for another's."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from relayguard.config import DEFAULT_PATH, ConfigError


class Commands(click.Group):
    """Loads a command from the module of its name when it is called."""

    names = (
        "check",
        "dashboards",
        "demo",
        "explain",
        "filters",
        "limits",
        "reload",
        "run",
        "spoof",
        "top",
        "version",
        "worker",
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in self.names:
            return None
        module = __import__(f"relayguard.cli.{cmd_name}", fromlist=["command"])
        command: click.Command = module.command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Relayguard: a mail-filtering milter daemon."""


config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    help="The configuration file.",
)


def fail(error: ConfigError, path: Path) -> NoReturn:
    """Print every problem of a configuration on standard error, and exit with status 78 (EX_CONFIG)."""
    for problem in error.problems:
        click.echo(f"{path}: {problem}", err=True)
    sys.exit(78)
