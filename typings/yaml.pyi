"""Exactly the name that Relayguard's tests use of PyYAML."""

from collections.abc import Iterator

def safe_load_all(stream: bytes) -> Iterator[object]: ...
