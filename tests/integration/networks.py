"""Network namespaces that a test makes, joined as hosts are by cables."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_NAMES = Path("/run/netns")


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Have what this thread starts and opens meanwhile live in a namespace."""
    library = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as outside, (_NAMES / name).open("rb") as within:
        _enter(library, within.fileno())
        try:
            yield
        finally:
            _enter(library, outside.fileno())


def _enter(library: ctypes.CDLL, namespace: int) -> None:
    if library.setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def star(leaves: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Make a namespace, and so many others that are each joined to it.

    Yields its name and, for each of the others, their name and the address at which it is found from there.
    """
    mark = f"rg{os.getpid()}"
    with ExitStack() as stack:
        centre = stack.enter_context(_namespace(f"{mark}c"))
        found = []
        for number in range(leaves):
            leaf = stack.enter_context(_namespace(f"{mark}l{number}"))
            near, far = f"198.18.{number}.1", f"198.18.{number}.2"
            _ip("-n", centre, "link", "add", f"to{number}", "type", "veth", "peer", "name", "cable", "netns", leaf)
            for namespace, link, address in ((centre, f"to{number}", near), (leaf, "cable", far)):
                _ip("-n", namespace, "address", "add", f"{address}/24", "dev", link)
                _ip("-n", namespace, "link", "set", link, "up")
            found.append((leaf, near))
        yield centre, found


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
