"""Counters on a Redis or Valkey server that all hosts share."""
