"""``relayguard spoof``: which signals an address or a message gives, and why."""

import asyncio
from pathlib import Path

import click

from relayguard.cli import config_option, fail
from relayguard.config import ConfigError
from relayguard.core.domain import to_a_labels
from relayguard.core.envelope import Role
from relayguard.core.session import contains
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

    An ADDRESS, such as 'Jane Doe <jane@examp1e.com>', is looked at as the author of an empty message; so is a domain.
    """
    from relayguard.config import load
    from relayguard.dns.zone import ZoneError
    from relayguard.rehearsal import rehearsal_of, rehearse

    try:
        config = load(config_path)
        raw = _message(what)
        rehearsal = rehearsal_of(raw, client, "client.example", sender, (recipient,), Role.INCOMING)
        trace = asyncio.run(rehearse(rehearsal, config, zone.read_text() if zone else None))
    except ConfigError as error:
        fail(error, config_path)
    except (OSError, ValueError, ZoneError) as error:
        raise click.UsageError(str(error)) from error
    runs = [run for run in trace.runs if run.filter == FILTER]
    if not runs:
        raise click.ClickException(f"the filter {FILTER!r} has not seen it: is it named in 'filters'?")
    if contains(config.trusted_relays, rehearsal.client):
        click.echo(f"not judged: {client} is one of trusted_relays, whose mail has been looked at (see --client)")
        return
    notes = [printable(note, 400) for run in runs for note in run.notes]
    verdicts = [type(effect).__name__.lower() for run in runs for effect in run.effects if type(effect) in STRENGTH]
    for line in (*notes, *(f"spoof says {verdict}" for verdict in verdicts)):
        click.echo(line)
    if not notes:
        click.echo("no signal")


def _message(what: str) -> bytes:
    """Return the message that is meant; raises ValueError or OSError."""
    if _exists(what):
        return Path(what).read_bytes()
    if "@" not in what:
        domain = to_a_labels(what)
        # No top-level domain is called so, and who mistypes a file does not mean one.
        if domain is None or "." not in domain or domain.endswith(".eml"):
            raise ValueError(f"{what!r} is no file that is there, no address and no domain")
        what = f"<postmaster@{domain}>"
    return f"From: {what}\r\n\r\n".encode("utf-8", "replace")


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        # It is too long for a name, or holds what no name can.
        return False
