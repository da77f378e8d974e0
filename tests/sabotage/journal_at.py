"""Runs the daemon with another socket in journald's place: ``journal_at.py ADDRESS run --config FILE``."""

import sys

from relayguard.cli import main
from relayguard.cli import run as daemon
from relayguard.log import make_logger

address = sys.argv.pop(1)
assert make_logger.__kwdefaults__ is not None
make_logger.__kwdefaults__["journal"] = address
daemon.COMMAND = (sys.executable, "-P", __file__, address)
main()
