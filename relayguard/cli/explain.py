"""``relayguard explain``: run any message through the real pipeline, without an MTA, and say why."""

import asyncio
from pathlib import Path
from typing import BinaryIO

import click

from relayguard.cli import fail
from relayguard.config import DEFAULT_PATH, Config, ConfigError, load
from relayguard.core.envelope import Role


@click.command("explain")
@click.argument("message", metavar="FILE.eml", type=click.File("rb"))
@click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help=f"The configuration file.  [default: {DEFAULT_PATH} if it exists, else all defaults]",
)
@click.option("--client", default="192.0.2.1", show_default=True, help="The client's IP address.")
@click.option("--helo", default="client.example", show_default=True, help="What the client says at HELO.")
@click.option("--sender", help="MAIL FROM; '<>' for the null sender. Default: the author's address.")
@click.option("--recipient", "recipients", multiple=True, default=("postmaster",), help="RCPT TO; repeatable.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="incoming", show_default=True)
@click.option("--login", help="Who has logged in: then it is a submission.")
@click.option("--listener", help="Whose filters to run. Default: those of the first listener.")
@click.option(
    "--zone",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Answer DNS from this zone file, instead of asking.",
)
def command(
    message: BinaryIO,
    config_path: Path | None,
    client: str,
    helo: str,
    sender: str | None,
    recipients: tuple[str, ...],
    role: str,
    login: str | None,
    listener: str | None,
    zone: Path | None,
) -> None:
    """Show, for each stage and filter, what was found, asked, changed and decided, and how long it took."""
    from relayguard.cli.explanation import explain
    from relayguard.dns.zone import ZoneError
    from relayguard.rehearsal import rehearsal_of, rehearse

    path = config_path or DEFAULT_PATH
    try:
        config = load(path) if config_path is not None or path.exists() else Config()
        played = Role.SUBMISSION if login is not None else Role(role)
        rehearsal = rehearsal_of(message.read(), client, helo, sender, recipients, played, listener, login)
        trace = asyncio.run(rehearse(rehearsal, config, zone.read_text() if zone else None))
    except ConfigError as error:
        fail(error, path)
    except (ZoneError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    else:
        for line in explain(trace):
            click.echo(line)
