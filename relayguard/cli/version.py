"""``relayguard version``."""

import platform

import click

from relayguard import __version__


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"relayguard {__version__} (Python {platform.python_version()})")
