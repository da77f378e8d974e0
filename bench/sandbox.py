"""A run happens in namespaces of its own: a loopback that leads nowhere, a resolv.conf, and processes that end with it.

So every daemon finds the same resolver on port 53 without a change to the machine's files, nothing can reach
beyond the machine, and nothing outlives a run, however it ends.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.places import LOCK, ROOT

RESOLVER = "127.0.0.53"

_INSIDE = "RELAYGUARD_BENCH_DIRECTORY"
_NEEDED = {"unshare": "util-linux", "mount": "mount", "cc": "gcc", "unbound": "unbound"}
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


class BenchError(Exception):
    """The benchmark cannot run; the message says what to do."""


def directory() -> Path | None:
    """Return where sockets and logs of this run go; None outside of the namespaces."""
    inside = os.environ.get(_INSIDE)
    return Path(inside) if inside else None


def rerun_inside(arguments: Sequence[str]) -> int:
    """Run ``python -m bench`` with these arguments inside, and return its exit status."""
    _check()
    with _only_one(), tempfile.TemporaryDirectory(prefix="relayguard-bench-", dir="/tmp") as made:
        # The daemons that give up root must get at their sockets.
        Path(made).chmod(0o755)
        namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = ["unshare", *namespaces, sys.executable, "-m", "bench", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {_INSIDE: made})
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It has heard the interrupt, too, and is about to end.
            return process.wait(timeout=30)


def settle() -> Path:
    """Bring up what is inside: loopback, and a resolv.conf that names our resolver. Returns the run's directory."""
    inside = directory()
    assert inside is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
    own = inside / "resolv.conf"
    own.write_text(f"nameserver {RESOLVER}\noptions timeout:3 attempts:2\n")
    subprocess.run(["mount", "--bind", str(own), "/etc/resolv.conf"], check=True)
    return inside


def _check() -> None:
    if os.geteuid() != 0:
        raise BenchError("needs root, for namespaces of its own: sudo .venv/bin/python -m bench run")
    for program, package in _NEEDED.items():
        if shutil.which(program) is None:
            raise BenchError(f"{program} is missing: Debian's package {package} has it ('make bench-peers')")


@contextmanager
def _only_one() -> Iterator[None]:
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError("another benchmark is running on this machine") from None
        yield
