"""Counters in a file that all workers of a host share."""
