"""Metrics: declared once in `catalog`, counted by `prometheus`, served by `exporter`."""
