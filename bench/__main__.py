"""``python -m bench``: measure Relayguard beside its peers, on loopback, as root."""

import sys

import click

from bench import report as tables
from bench.peers import TRANSPORTS
from bench.places import HERE, PLOTS, RESULTS, SCALE
from bench.plots import draw
from bench.results import Results
from bench.sandbox import BenchError, directory, rerun_inside, settle
from bench.scale import Scale


@click.group()
def main() -> None:
    """Measure Relayguard beside its peers."""


@main.command()
@click.option("--quick", is_flag=True, help="Three minutes instead of fifteen; the figures are rough.")
def run(*, quick: bool) -> None:
    """Measure everything that is installed, and print what came of each target."""
    from bench.material import prepare
    from bench.run import run as run_all

    if directory() is None:
        sys.exit(rerun_inside(["run", *(["--quick"] if quick else [])]))
    prepare()
    results = run_all(settle(), quick=quick)
    results.save(RESULTS)
    click.echo("\n" + tables.text(results))


@main.command()
@click.option("--markdown", is_flag=True, help="The page docs/performance.md.")
def report(*, markdown: bool) -> None:
    """Print the tables of the last run again."""
    if not RESULTS.exists():
        raise click.ClickException("nothing was measured yet: make bench")
    results = Results.load(RESULTS)
    if not markdown:
        click.echo(tables.text(results))
        return
    scale = Scale.load(SCALE) if SCALE.exists() else None
    click.echo(tables.markdown(results, (HERE / "remarks.md").read_text(), scale), nl=False)


@main.command()
def check() -> None:
    """Check relayguard's verdicts on the corpus over each transport; exit with 1 if one is wrong."""
    from bench.material import prepare
    from bench.run import judge

    if directory() is None:
        sys.exit(rerun_inside(["check"]))
    prepare()
    judged = judge(settle())
    for verdicts in judged:
        for line in verdicts.wrong:
            click.echo(line)
        click.echo(f"{verdicts.subject}: {verdicts.right} of {verdicts.checked} verdicts are right")
    sys.exit(any(verdicts.right != verdicts.checked for verdicts in judged))


@main.command()
@click.option("--set", "name", default="10K", help="The set to send: 2K, 10K, 75K, 1M, cold-1 ...")
@click.option("--transport", type=click.Choice([*TRANSPORTS]), multiple=True, help="Both, unless said.")
@click.option("--seconds", default=8, type=click.IntRange(1, 60))
def profile(*, name: str, transport: tuple[str, ...], seconds: int) -> None:
    """Show where relayguard spends its time under load, and draw it as a flame graph (py-spy)."""
    from bench.material import prepare
    from bench.profile import profile as profile_daemon

    if directory() is None:
        chosen = [f"--transport={each}" for each in transport]
        sys.exit(rerun_inside(["profile", f"--set={name}", *chosen, f"--seconds={seconds}"]))
    prepare()
    inside = settle()
    for each in transport or TRANSPORTS:
        click.echo(f"{each}, {name}\n{profile_daemon(inside, each, name, seconds)}\n")


@main.command()
@click.option("--redraw", is_flag=True, help="Draw what was measured last.")
def plots(*, redraw: bool) -> None:
    """Measure how cost grows with a message and throughput with workers, and draw it for docs/performance.md."""
    if not redraw:
        from bench.growth import measure_growth
        from bench.material import prepare

        if directory() is None:
            sys.exit(rerun_inside(["plots"]))
        prepare()
        measure_growth(settle()).save(SCALE)
    PLOTS.write_text(draw(Scale.load(SCALE)))
    click.echo(f"drawn: {PLOTS}")


@main.command()
def limits() -> None:
    """Measure what limits cost a message, by store."""
    from bench.limits import TARGETS, measure

    for name, cost in measure().items():
        target = f" (at most {TARGETS[name]})" if name in TARGETS else ""
        click.echo(f"{name}: {cost:.0f} µs of CPU for a message of one recipient that meets three rules{target}")


@main.command()
def signals() -> None:
    """Measure what the spoof filter costs a message."""
    from bench.signals import DOMAINS, PEOPLE, TARGET, measure

    click.echo(
        f"spoof: {measure():.0f} µs of CPU for a message, with {DOMAINS} protected domains and {PEOPLE} people "
        f"(at most {TARGET})"
    )


@main.command()
def metrics() -> None:
    """Measure what metrics cost a message, and what a scrape costs."""
    from bench.metrics import MESSAGE_TARGET, SCRAPE_TARGET, WORKERS, measure

    cost = measure()
    click.echo(f"counting: {cost.message:.0f} µs of CPU for a message (at most {MESSAGE_TARGET})")
    click.echo(
        f"a scrape: {cost.scrape:.1f} ms of CPU, with {WORKERS} workers and the filters of the default "
        f"configuration, {cost.lines} lines (at most {SCRAPE_TARGET})"
    )


@main.command()
def setup() -> None:
    """Install the peers; no service is started."""
    from bench.setup import install

    install()


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)
