"""``relayguard spoof``: which signals an address or a message gives, and why."""

import asyncio
from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError
from relayguard.core.envelope import Role

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

    path = Path(what)
    try:
        config = load(config_path)
        raw = path.read_bytes() if path.is_file() else f"From: {what}\r\n\r\n".encode()
        rehearsal = rehearsal_of(raw, client, "client.example", sender, (recipient,), Role.INCOMING)
        trace = asyncio.run(rehearse(rehearsal, config, zone.read_text() if zone else None))
    except ConfigError as error:
        fail(error, config_path)
    except (OSError, ValueError, ZoneError) as error:
        raise click.UsageError(str(error)) from error
    runs = [run for run in trace.runs if run.filter == FILTER]
    if not runs:
        raise click.ClickException(f"the filter {FILTER!r} has not seen it: is it named in 'filters'?")
    notes = [note for run in runs for note in run.notes]
    for note in notes:
        click.echo(note)
    if not notes:
        click.echo("no signal")
