"""Dashboards for Grafana, as data: the questions of an operator in `shipped`, and `grafana` that writes them down."""

DOCS = "https://github.com/relayguard/relayguard/blob/main/docs/monitoring.md"
"""Where panels say what to do."""
