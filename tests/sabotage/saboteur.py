"""Runs the daemon with one of its own parts broken: ``saboteur.py PART run --config FILE``."""

import sys

from relayguard.cli import main
from relayguard.pipeline.transaction import Transaction


async def broken(*_: object, **__: object) -> None:
    raise RuntimeError("sabotaged")


setattr(Transaction, sys.argv.pop(1), broken)
main()
