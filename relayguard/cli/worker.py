"""``relayguard worker``: what the supervisor starts. Not for people."""

import click


@click.command("worker", hidden=True)
@click.argument("assignment")
def command(assignment: str) -> None:
    """Serve what the supervisor assigns."""
    from relayguard.daemon.assignment import Assignment
    from relayguard.daemon.worker import work

    work(Assignment.of(assignment))
