"""``python -m tests.fuzz``: explore the parsers of outside bytes, replay one input, or measure whole messages."""

import shlex
import sys
from pathlib import Path

import click

from tests.fuzz.campaign import explore, replaying
from tests.fuzz.measure import replay
from tests.fuzz.targets import TARGETS
from tests.fuzz.whole import costs


@click.command()
@click.argument("names", metavar="[TARGET]...", nargs=-1, type=click.Choice(sorted(TARGETS)))
@click.option("--seconds", default=600, type=click.IntRange(1), help="For all targets together.")
@click.option(
    "--input", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Replay this file."
)
@click.option("--whole", is_flag=True, help="Measure whole messages at the caps, and explore nothing.")
def main(names: tuple[str, ...], seconds: int, path: Path | None, *, whole: bool) -> None:
    """Explore every TARGET; exit with 1 if there is a finding."""
    if whole:
        sys.exit(not _measure())
    if path is not None:
        if len(names) != 1:
            raise click.UsageError("--input needs exactly one target")
        reason = replay(TARGETS[names[0]], path.read_bytes())
        click.echo(reason or "nothing to find here")
        sys.exit(reason is not None)
    sys.exit(not _explore(names or tuple(TARGETS), seconds))


def _measure() -> bool:
    kept = True
    for cost in costs():
        click.echo(cost)
        kept = kept and cost.kept
    return kept


def _explore(names: tuple[str, ...], seconds: int) -> bool:
    clean = True
    for explored in explore(names, seconds):
        click.echo(explored)
        for finding in explored.findings:
            click.echo(f"    {shlex.join(replaying(explored.name, finding))}")
        clean = clean and bool(explored.executions) and not explored.findings
    return clean


if __name__ == "__main__":
    main()
