"""``python -m relayguard``."""

from relayguard.cli import main

main()
