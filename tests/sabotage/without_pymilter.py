"""Runs Relayguard where pymilter is not installed: ``without_pymilter.py run --config FILE``."""

import sys

sys.modules["milter"] = None  # type: ignore[assignment]  # as if there were none

from relayguard.cli import main  # noqa: E402  # after it has gone
from relayguard.cli import run as daemon  # noqa: E402  # after it has gone

daemon.COMMAND = (sys.executable, "-P", __file__)
main()
