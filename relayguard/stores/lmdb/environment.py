"""Opening LMDB's files so that nothing they hold, lack or have no room for can kill a process."""

import os
import time
from collections.abc import Callable
from errno import EDQUOT, ENOENT, ENOSPC
from pathlib import Path

import lmdb

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb.opened import Opened, whole_pages

DATA = "data.mdb"
_LOCK = "lock.mdb"
WRITE_LOCK = "write.lock"
"""The lock of the folder, under which it is opened and written."""

BROKEN = (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError, lmdb.PageNotFoundError)
"""What LMDB says of a file that is none of its own, or is no longer whole."""

_NO_ROOM = (lmdb.MapFullError, lmdb.DiskError)

_KEPT = 3

_LOCK_BYTES = 64 * 1024
"""Room for a thousand readers; 64 octets each."""


def is_there(folder: Path) -> bool:
    """Tell whether there are counters that a command can open without making a file.

    Raises StoreError if it may not even look: that is not the same as if there were none.
    """
    try:
        return all((folder / name).is_file() for name in (DATA, _LOCK, WRITE_LOCK))
    except PermissionError as error:
        message = f"{folder} is not for you to look into: do this as root, or as the user that the daemon runs as"
        raise StoreError(Trouble.UNREACHABLE, message) from error


def open_or_repair(folder: Path, size: int, moved_aside: Callable[[str], None]) -> Opened:
    """Open for writing, in place of a file that is broken if need be. The caller has the lock of the folder.

    Raises lmdb.Error and OSError.
    """
    try:
        return _open_for_writing(folder, size)
    except BROKEN:
        moved_aside(str(move_aside(folder)))
        return _open_for_writing(folder, size)


def open_existing(folder: Path, *, writable: bool) -> Opened:
    """Open what is there and make nothing, as commands do. The caller has the lock of the folder.

    Raises lmdb.Error and OSError.
    """
    if not is_there(folder):
        # LMDB would make what is missing, for the user of this process alone.
        raise FileNotFoundError(ENOENT, "it was deleted or replaced meanwhile", str(folder))
    return _open(folder, (folder / DATA).stat().st_size, writable=writable)


def move_aside(folder: Path) -> Path:
    """Keep the broken file for who wants to see it, and only the last few of them; return where."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = folder / f"{DATA}.broken-{stamp}"
    (folder / DATA).rename(target)
    _forget_readers(folder)
    for old in sorted(folder.glob(f"{DATA}.broken-*"))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return target


def explain(error: lmdb.Error | OSError, otherwise: Trouble) -> StoreError:
    """Say what a failure means to who asked."""
    no_room = error.errno in (ENOSPC, EDQUOT) if isinstance(error, OSError) else isinstance(error, _NO_ROOM)
    if no_room:
        return StoreError(Trouble.FULL, str(error))
    return StoreError(Trouble.BROKEN if isinstance(error, BROKEN) else otherwise, str(error))


def _open_for_writing(folder: Path, size: int) -> Opened:
    data = folder / DATA
    there = data.stat().st_size if data.exists() else 0
    if not there:
        _forget_readers(folder)
    _reserve(folder / _LOCK)
    # Whoever has room for fewer keys goes on with a file that another made for more.
    return _open(folder, whole_pages(max(size, there)), writable=True)


def _open(folder: Path, size: int, *, writable: bool) -> Opened:
    try:
        environment = _open_environment(folder, size, writable=writable)
    except lmdb.Error as error:
        # Some releases of py-lmdb look themselves, and have no class of their own for it.
        if "data format" in str(error):
            raise lmdb.VersionMismatchError(str(error)) from error
        raise
    try:
        return _checked(environment, folder / DATA, size, writable=writable)
    except BaseException:
        environment.close()
        raise


def _open_environment(folder: Path, size: int, *, writable: bool) -> lmdb.Environment:
    return lmdb.open(
        str(folder),
        map_size=size,
        subdir=True,
        readonly=not writable,
        create=False,
        mode=0o600,
        # With it, a full disk would be SIGBUS.
        writemap=False,
        # Counters may go with a host that loses its power; they outlive every process.
        sync=False,
        metasync=False,
        readahead=False,
        # The place in the table of readers is kept, so that none is looked for outside the lock.
        max_spare_txns=1,
    )


def _checked(environment: lmdb.Environment, data: Path, size: int, *, writable: bool) -> Opened:
    last_page = environment.info()["last_pgno"]
    if data.stat().st_size < (last_page + 1) * environment.stat()["psize"]:
        raise lmdb.CorruptedError(f"{data} is shorter than it says")
    if writable:
        environment.reader_check()
    if writable and data.stat().st_size != size:
        # At its full length from the beginning, with holes: LMDB leaves out pages at the end that it does not need
        # just now, so that of a shorter file nobody could tell whether something was cut off.
        os.truncate(data, size)
    with environment.begin():
        found = data.stat()
    return Opened(environment, environment.open_db(), str(data), found.st_ino, found.st_size, writable)


def _forget_readers(folder: Path) -> None:
    """Part a new file from who still has an old one open: LMDB keeps the number of the last transaction in here."""
    (folder / _LOCK).unlink(missing_ok=True)


def _reserve(path: Path) -> None:
    """Have the room there beforehand: LMDB writes to this file through memory, and on a full disk that is SIGBUS."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _LOCK_BYTES)
    finally:
        os.close(descriptor)
