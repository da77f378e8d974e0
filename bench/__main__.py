"""``python -m bench``: measure Relayguard beside its peers, on loopback, as root."""

import sys

import click

from bench import report as tables
from bench.places import HERE, RESULTS
from bench.results import Results
from bench.sandbox import BenchError, directory, rerun_inside, settle


@click.group()
def main() -> None:
    """Measure Relayguard beside its peers."""


@main.command()
@click.option("--quick", is_flag=True, help="Two minutes instead of ten; the figures are rough.")
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
    remarks = (HERE / "remarks.md").read_text()
    click.echo(tables.markdown(results, remarks) if markdown else tables.text(results), nl=not markdown)


@main.command()
def check() -> None:
    """Check relayguard's verdicts on the corpus, and measure nothing; exit with 1 if one is wrong."""
    from bench.material import prepare
    from bench.run import judge

    if directory() is None:
        sys.exit(rerun_inside(["check"]))
    prepare()
    verdicts = judge(settle())
    for line in verdicts.wrong:
        click.echo(line)
    click.echo(f"{verdicts.subject}: {verdicts.right} of {verdicts.checked} verdicts are right")
    sys.exit(verdicts.right != verdicts.checked)


@main.command()
@click.option("--set", "name", default="10K", help="The set to send: 2K, 10K, 75K, 1M, cold-1 ...")
@click.option("--seconds", default=8, type=click.IntRange(1, 60))
def profile(*, name: str, seconds: int) -> None:
    """Show where relayguard spends its time under load (py-spy)."""
    from bench.material import prepare
    from bench.profile import profile as profile_daemon

    if directory() is None:
        sys.exit(rerun_inside(["profile", "--set", name, "--seconds", str(seconds)]))
    prepare()
    click.echo(profile_daemon(settle(), name, seconds))


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
