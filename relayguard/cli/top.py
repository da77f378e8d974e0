"""``relayguard top``: what a running daemon does just now."""

import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relayguard.cli import config_option, fail
from relayguard.config import Config, ConfigError

if TYPE_CHECKING:
    from rich.console import Console


_PIPE = 100
"""How many columns there are where there is no terminal, unless COLUMNS says so."""


@click.command("top")
@config_option
@click.option("--address", help="HOST:PORT or URL of /metrics. Default: metrics.address of the configuration.")
@click.option(
    "--interval", type=click.FloatRange(0.1, 3600), default=2.0, show_default=True, help="Seconds between two looks."
)
@click.option("--once", is_flag=True, help="Print one screen and end, as also happens where there is no terminal.")
def command(config_path: Path, address: str | None, interval: float, once: bool) -> None:
    """Show what a running daemon does: what it refuses, what is slow, how DNS is, and who floods it.

    The rates are those between two looks at /metrics. The hottest keys come from the store of the configuration, if it
    can be read from here. Ctrl-C leaves.
    """
    from relayguard.cli.hottest import HottestKeys
    from relayguard.top import watch
    from relayguard.top.background import Background
    from relayguard.top.scrape import ScrapeError, Scraper, url_of

    read = _read(config_path)
    try:
        scraper = Scraper(url_of(address or _address(read, config_path)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--address") from error
    console, keys = _console(), HottestKeys(read)
    # Being stopped is no reason to leave the terminal as it is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if once or not sys.stdout.isatty() or console.is_dumb_terminal:
            watch.once(console, watch.Watch(scraper, keys), lambda: time.sleep(interval))
        else:
            found = Background(keys, keys.none_yet)
            watch.live(console, watch.Watch(scraper, found.latest), lambda: time.sleep(interval))
    except ScrapeError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(0)


def _read(path: Path) -> Config | ConfigError:
    from relayguard.config import load

    try:
        return load(path)
    except ConfigError as error:
        return error


def _address(read: Config | ConfigError, path: Path) -> str:
    """Return where metrics are served; while a configuration is being mended, the daemon runs on, and is to be seen."""
    config = read
    if isinstance(read, ConfigError):
        if read.rest is None or any(problem.path.startswith("metrics") for problem in read.problems):
            fail(read, path)
        config = read.rest
    assert isinstance(config, Config)
    if config.metrics.address == "off":
        raise click.ClickException("metrics.address is off: there is nothing to look at, unless --address says where")
    return config.metrics.address


def _console() -> "Console":
    from rich.console import Console

    if sys.stdout.isatty():
        return Console()
    # What rich reads of the environment may say otherwise; a pipe takes no colours, and is as wide as COLUMNS says.
    width = shutil.get_terminal_size((_PIPE, 0)).columns
    return Console(force_terminal=False, color_system=None, width=width)
