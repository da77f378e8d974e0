"""Runs the daemon with one part of its workers broken: ``saboteur.py PART run --config FILE``."""

import inspect
import sys

from relayguard.cli import main
from relayguard.cli import run as daemon
from relayguard.pipeline.transaction import Transaction


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("sabotaged")


async def broken_later(*_: object, **__: object) -> None:
    broken()


part = sys.argv.pop(1)
waits = inspect.iscoroutinefunction(getattr(Transaction, part))
setattr(Transaction, part, broken_later if waits else broken)
daemon.COMMAND = (sys.executable, "-P", __file__, part)
main()
