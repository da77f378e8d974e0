"""Finding out in another process whether a file of counters can be read: LMDB ends a process that meets some broken pages.

So it is only done if there is reason to: whoever went through the file last died over it, or the host was started anew,
for without waiting for the disk at each change, a loss of power can leave pages of different times.
"""

import asyncio
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EAGAIN, ENOMEM
from functools import partial
from pathlib import Path

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb.shared_file import SharedFile
from relayguard.stores.lmdb.walk import slice_of

_WALKING = "walking"
_BOOT = "boot"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_SECONDS = 60
"""A million counters take about one."""

_GLANCE = 0.02

_BROKEN = 3
"""What the other process returns for a file that it could tell to be broken."""

_ENDED_BY_OTHERS = (-signal.SIGALRM, -signal.SIGKILL, -signal.SIGTERM)

# It finds this program where the daemon found it, and nothing in the folder that it happens to be started in.
_PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
from relayguard.stores.lmdb.check import go_through
go_through(sys.argv[1])
"""


class Suspicion:
    """Whether the file of a folder should be checked before anybody goes through it. Used under the lock of the sweep."""

    def __init__(self, folder: Path) -> None:
        self._walking = folder / _WALKING
        self._boot = folder / _BOOT

    def is_there(self) -> bool:
        """Tell whether somebody died while going through the file, or the host was started anew since."""
        return self._walking.exists() or _read(self._boot) != _read(_BOOT_ID)

    def settle(self) -> None:
        """Note that the file is whole, or gone."""
        self._walking.unlink(missing_ok=True)
        # On a full disk it is left empty, and the next one checks once more than it had to.
        with suppress(OSError):
            self._boot.write_text(_read(_BOOT_ID))
            self._boot.chmod(0o600)

    @contextmanager
    def walking(self) -> Iterator[None]:
        """Go through the file: if the process does not survive it, suspicion stays behind."""
        # On a full disk, where a mark may have no place, there must be a sweep all the same.
        with suppress(OSError):
            self._walking.touch(mode=0o600)
        try:
            yield
        finally:
            self._walking.unlink(missing_ok=True)


async def is_whole(folder: Path) -> bool:
    """Tell whether another process can go through the file, and come back. Raises StoreError if that cannot be told now.

    Where there can be no other process, it is false: rather lose counters than a process again and again.
    """
    try:
        returned = await _returned(folder)
    except OSError as error:
        if error.errno not in (EAGAIN, ENOMEM):
            return False
        raise StoreError(Trouble.UNREACHABLE, f"{folder} cannot be checked: {error}") from error
    if returned in (0, _BROKEN):
        return not returned
    if returned > 0 or returned in _ENDED_BY_OTHERS:
        raise StoreError(
            Trouble.TIMEOUT, f"{folder} was not checked within {_SECONDS} s, or it ended with {returned}"
        )
    return False


async def _returned(folder: Path) -> int:
    command = [sys.executable, "-I", "-c", _PROGRAM, str(folder), *sys.path]
    nothing = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: ASYNC220, S603 - at once
    try:
        # Looked at now and then: asyncio would wait in a thread, or with a signal's handler.
        while (returned := child.poll()) is None:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_GLANCE)
        return returned
    finally:
        if child.returncode is None:
            child.kill()
            child.wait()


def go_through(folder: str) -> None:
    """Read all of the file; this process is there to die of it."""
    signal.alarm(_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        asyncio.run(_read_all(Path(folder)))
    except StoreError as error:
        # Somebody else has the lock, or it is gone: that is not its fault.
        if error.trouble is Trouble.BROKEN:
            sys.exit(_BROKEN)


async def _read_all(folder: Path) -> None:
    shared = SharedFile(folder, 1, _SECONDS / 2, lambda _moved: None)
    async with shared.existing(writable=False) as there:
        after = b""
        while there:
            seen = await shared.read(partial(slice_of, after=after))
            if not seen:
                return
            after = seen[-1][0]


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""
