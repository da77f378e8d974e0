"""``relayguard dashboards``: the dashboards for Grafana, those of your own filters among them."""

import json
from pathlib import Path

import click

from relayguard.cli import fail
from relayguard.config import ConfigError
from relayguard.dashboards import DOCS


@click.command("dashboards")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Those of the filters that this configuration names, drop-in ones too, rather than of all that are installed.",
)
@click.option("--docs", default=DOCS, show_default=True, help="Where panels lead who wants to know what to do.")
def command(folder: Path, config_path: Path | None, docs: str) -> None:
    """Write dashboards for Grafana into FOLDER, which Grafana's provisioning may watch."""
    from relayguard.cli.offline import load_checked
    from relayguard.dashboards.grafana import dashboards
    from relayguard.dashboards.shipped import installed, rows_of
    from relayguard.pipeline.discovery import FilterError

    try:
        if config_path is None:
            owners: list[object] = [*installed()]
        else:
            _, filters = load_checked(config_path)
            owners = [each.instance for own in filters.values() for each in own]
        written = dashboards(rows_of(owners), docs)
        folder.mkdir(parents=True, exist_ok=True)
        for name, dashboard in written.items():
            text = json.dumps(dashboard, indent=1, ensure_ascii=False)
            (folder / name).write_text(f"{text}\n", encoding="utf-8")
    except ConfigError as error:
        assert config_path is not None
        fail(error, config_path)
    except (FilterError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {', '.join(written)}")
