"""Exactly the names that Relayguard uses of dkimpy's front module."""

from collections.abc import Callable

class DKIMException(Exception): ...

def sign(
    message: bytes,
    selector: bytes,
    domain: bytes,
    privkey: bytes,
    identity: bytes | None = ...,
    canonicalize: tuple[bytes, bytes] = ...,
    signature_algorithm: bytes = ...,
    include_headers: list[bytes] | None = ...,
    length: bool = ...,
) -> bytes: ...
def verify(message: bytes, *, dnsfunc: Callable[..., bytes | None] = ..., minkey: int = ...) -> bool: ...
def select_headers(headers: list[tuple[bytes, bytes]], include_headers: list[bytes]) -> list[tuple[bytes, bytes]]: ...
