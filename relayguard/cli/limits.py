"""``relayguard limits``: which limits there are, how far they are used, and by whom."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from relayguard.cli import config_option, fail
from relayguard.cli.counters import Counters
from relayguard.config import ConfigError
from relayguard.core.limits import Charge, Standing
from relayguard.core.text import printable
from relayguard.stores.backend import Entry, StoreError

T = TypeVar("T")


@click.group("limits")
def command() -> None:
    """Show the limits that mail is counted by, and what is counted. Nothing here but 'reset' changes anything."""


@command.command("list")
@config_option
def list_limits(config_path: Path) -> None:
    """Show all limits: how much, by which key, what is done, and where."""
    from relayguard.cli.counters import limits_of

    try:
        _, declared = limits_of(config_path)
    except ConfigError as error:
        fail(error, config_path)
    columns = list(dict.fromkeys(column for _, about in declared.values() for column in about))
    rows = ([name, *(about.get(column, "") for column in columns)] for name, (_, about) in declared.items())
    _print(["name", *columns], rows)


@command.command("top")
@config_option
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--limit", help="Those of this limit alone.")
def top(config_path: Path, number: int, limit: str | None) -> None:
    """Show the keys that have used most of their limits."""
    from relayguard.cli.counters import fullest

    _print_entries(_with_counters(config_path, lambda use: fullest(use.backend, number, limit)))


@command.command("show")
@click.argument("key")
@config_option
def show(key: str, config_path: Path) -> None:
    """Show how far KEY, as 'top' writes it, has used each of its limits."""
    from relayguard.cli.counters import of_key

    found = _with_counters(config_path, lambda use: of_key(use.backend, key))
    if not found:
        raise click.ClickException(f"nothing is counted for {key}")
    _print_entries(found)


@command.command("reset")
@click.argument("key")
@config_option
@click.option("--limit", help="That of this limit alone.")
def reset(key: str, config_path: Path, limit: str | None) -> None:
    """Forget what was counted for KEY: it has all of its limits again."""
    from relayguard.cli.counters import reset as forget

    def of_use(use: Counters) -> Coroutine[Any, Any, list[str]]:
        return forget(use.backend, [name for name in use.declared if limit in (None, name)], key)

    forgotten = _with_counters(config_path, of_use)
    if not forgotten:
        raise click.ClickException(f"nothing is counted for {key}")
    for name in forgotten:
        click.echo(f"{name}: {key} begins anew")


@command.command("test")
@config_option
@click.option("--client", default="192.0.2.1", show_default=True, help="The client's IP address.")
@click.option("--login", help="Who has logged in. Default: nobody, so that the mail is incoming.")
@click.option("--sender", help="MAIL FROM. Default: the login.")
@click.option("--recipient", default="postmaster@example.com", show_default=True, help="RCPT TO.")
@click.option("--listener", help="Where it comes in. Default: the first listener.")
def test(
    config_path: Path, client: str, login: str | None, sender: str | None, recipient: str, listener: str | None
) -> None:
    """Show which limits such mail would be charged against, and how they stand. Counts nothing."""
    from relayguard.cli.counters import Asked, try_out

    asked = Asked(client, login, sender, recipient, listener)
    seen = _with_counters(config_path, lambda use: try_out(asked, use.config, use.backend))
    if not seen:
        click.echo("no limit is for such mail")
        return
    _print(["limit", "key", "left", ""], (_standing(*each) for each in seen))


def _with_counters(config_path: Path, work: Callable[[Counters], Coroutine[Any, Any, T]]) -> T:
    """Return what `work` finds; whatever is in the way ends the command with what to do about it."""
    from relayguard.cli.counters import opened

    async def with_them() -> T:
        async with opened(config_path) as use:
            return await work(use)

    try:
        return asyncio.run(with_them())
    except ConfigError as error:
        fail(error, config_path)
    except (StoreError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _standing(charge: Charge, standing: Standing) -> Sequence[str]:
    if standing.admitted:
        return charge.limit.name, charge.key, f"{standing.left} of {charge.limit.capacity}", "admitted"
    binding = "refused" if charge.binding else "over, and not refused"
    return charge.limit.name, charge.key, "0", f"{binding}; again in {standing.retry_after:.0f} s"


def _print_entries(entries: Iterable[Entry]) -> None:
    from relayguard.cli.counters import when

    rows = ((entry.limit, entry.key, f"{entry.used:.0%}", when(entry.expires)) for entry in entries)
    _print(["limit", "key", "used", "nothing left of it at"], rows)


def _print(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        # A key may look like markup.
        table.add_row(*(Text(printable(cell, 600)) for cell in row))
    # Into a file or a pipe goes a line each, however long.
    console = Console()
    (console if console.is_terminal else Console(width=400)).print(table)
