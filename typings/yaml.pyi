"""Exactly the names that Relayguard's tests use of PyYAML."""

from collections.abc import Iterator
from typing import Any

def safe_load_all(stream: bytes) -> Iterator[object]: ...
def safe_load(stream: str) -> Any: ...
