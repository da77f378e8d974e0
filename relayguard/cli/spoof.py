"""``relayguard spoof``: which signals an address or a message gives, and why."""

import asyncio
from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError
from relayguard.core.envelope import Role
from relayguard.core.text import printable
from relayguard.core.verdicts import STRENGTH

FILTER = "spoof"


@click.group("spoof")
def command() -> None:
    """Look at an address or a message as the spoof filter does."""


@command.command("check")
@click.argument("what", metavar="ADDRESS|FILE.eml")
@config_option
@click.option("--client", default="192.0.2.1", show_default=True, help="The client's IP address.")
@click.option("--sender", help="MAIL FROM; '<>' for the null sender. Default: the author's address.")
@click.option("--recipient", default="postmaster", show_default=True, help="RCPT TO.")
@click.option(
    "--zone", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Answer DNS from this zone file."
)
def check(what: str, config_path: Path, client: str, sender: str | None, recipient: str, zone: Path | None) -> None:
    """Show every signal that a message gives, and what the policy makes of them.

    An ADDRESS, such as 'Jane Doe <jane@examp1e.com>', is looked at as the author of an empty message.
    """
    from relayguard.config import load
    from relayguard.dns.zone import ZoneError
    from relayguard.rehearsal import rehearsal_of, rehearse

    try:
        config = load(config_path)
        raw = Path(what).read_bytes() if _is_file(what) else f"From: {what}\r\n\r\n".encode("utf-8", "replace")
        rehearsal = rehearsal_of(raw, client, "client.example", sender, (recipient,), Role.INCOMING)
        trace = asyncio.run(rehearse(rehearsal, config, zone.read_text() if zone else None))
    except ConfigError as error:
        fail(error, config_path)
    except (OSError, ValueError, ZoneError) as error:
        raise click.UsageError(str(error)) from error
    runs = [run for run in trace.runs if run.filter == FILTER]
    if not runs:
        raise click.ClickException(f"the filter {FILTER!r} has not seen it: is it named in 'filters'?")
    notes = [printable(note, 400) for run in runs for note in run.notes]
    verdicts = [type(effect).__name__.lower() for run in runs for effect in run.effects if type(effect) in STRENGTH]
    for line in (*notes, *(f"spoof says {verdict}" for verdict in verdicts)):
        click.echo(line)
    if not notes:
        click.echo("no signal")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        # It is too long for a name, or holds what no name can.
        return False
