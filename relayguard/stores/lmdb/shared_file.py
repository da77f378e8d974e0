"""A file of counters that many processes have open, of which one writes at a time, and none waits for another for long."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

import lmdb

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb import environment
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.opened import Opened, file_size
from relayguard.stores.lmdb.walk import unstopped

_PATIENCE = 1.0
"""What could not be opened is tried again after so many seconds."""

_NEARLY = 0.95

T = TypeVar("T")


class SharedFile:
    """The file, opened at the first use. Every method raises StoreError.

    LMDB's own lock would hold the event loop as long as another process has it; so it is only asked for under
    another one, for which tasks wait in short naps.
    """

    def __init__(self, folder: Path, max_keys: int, timeout: float, moved_aside: Callable[[str], None]) -> None:
        self.folder = folder
        self._max_keys = max_keys
        self._size = file_size(max_keys)
        self._timeout = timeout
        self._moved_aside = moved_aside
        self._lock = LockFile(folder / environment.WRITE_LOCK)
        self._opened: Opened | None = None
        self._failure: StoreError | None = None
        self._tried = 0.0
        self._makes = True

    async def write(self, change: Callable[[lmdb.Transaction], T]) -> T:
        """Do something in a transaction that no other process comes between; if it raises, nothing was done."""
        opened = self._ready() or await self._turn()
        try:
            return opened.write(change)
        except (lmdb.Error, OSError) as error:
            raise self._failed(error) from error
        finally:
            self._lock.release()

    async def read(self, look: Callable[[lmdb.Transaction], T], *, buffers: bool = False) -> T:
        """Look at the file as it is at one moment. With `buffers`, what is found is only there meanwhile, and not copied."""
        opened = self._opened
        if opened is None or not opened.is_current():
            opened = await self._turn(writable=False)
            self._lock.release()
        try:
            with (
                nullcontext() if self._makes else unstopped(),
                opened.environment.begin(buffers=buffers) as transaction,
            ):
                return look(transaction)
        except (lmdb.Error, OSError) as error:
            # A broken file is moved aside under the lock, by whoever writes next and meets the same.
            raise environment.explain(error, Trouble.BROKEN) from error

    @asynccontextmanager
    async def existing(self, *, writable: bool) -> AsyncIterator[bool]:
        """Have the file open meanwhile, if there is one. Nothing is made or mended: a command may run as another user."""
        if self._opened:
            yield True
            return
        if not environment.is_there(self.folder):
            yield False
            return
        self._makes = self._lock.makes = False
        try:
            await self._turn(writable=writable)
            self._lock.release()
            yield True
        finally:
            self._makes = self._lock.makes = True
            self.close()

    def check_room(self, transaction: lmdb.Transaction, new_keys: int) -> None:
        """Raise StoreError if the file has no room for anything more, or for so many new keys."""
        assert self._opened
        self._opened.check_room(transaction, new_keys, self._max_keys)

    def is_full(self, transaction: lmdb.Transaction) -> bool:
        """Tell whether there will soon be no room for new keys."""
        assert self._opened
        return self._opened.entries(transaction) >= self._max_keys * _NEARLY

    @property
    def is_open(self) -> bool:
        """Whether this process has it open."""
        return self._opened is not None

    def inode(self) -> int:
        """Return which file is there, 0 if there is none that can be seen."""
        try:
            return (self.folder / environment.DATA).stat().st_ino
        except OSError:
            return 0

    async def discard(self, inode: int) -> None:
        """Move a file aside that was found to be broken, unless another process has done so."""
        opened = self._ready() or await self._turn()
        try:
            if opened.inode == inode:
                self._move_aside()
                self._close_environment()
        finally:
            self._lock.release()

    async def forget_dead_readers(self) -> None:
        """Let the pages be used again that a process was reading when it died."""
        opened = self._ready() or await self._turn()
        try:
            opened.environment.reader_check()
        except lmdb.Error as error:
            raise self._failed(error) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self._close_environment()
        self._lock.close()

    def _ready(self) -> Opened | None:
        """Take the lock, if all is as it nearly always is: the file is open and is the one, and nobody has the lock."""
        opened = self._opened
        if opened is None or not self._lock.try_to_acquire():
            return None
        if opened.writable and opened.is_current():
            return opened
        self._lock.release()
        return None

    async def _turn(self, *, writable: bool = True) -> Opened:
        """Take the lock, and have the file open that everybody finds."""
        await self._acquire()
        opened = self._opened
        if opened is None or not opened.is_current() or opened.writable < writable:
            try:
                opened = self._open(writable=writable)
            except BaseException:
                self._lock.release()
                raise
        return opened

    async def _acquire(self) -> None:
        if self._failure and time.monotonic() < self._tried + _PATIENCE:
            raise StoreError(self._failure.trouble, str(self._failure))
        try:
            await self._lock.acquire(self._timeout)
        except OSError as error:
            raise self._not_opened(error) from error

    def _open(self, *, writable: bool) -> Opened:
        self._close_environment()
        try:
            self._renew_lock()
            if self._makes:
                self._opened = environment.open_or_repair(self.folder, self._size, self._moved_aside)
            else:
                self._opened = environment.open_existing(self.folder, writable=writable)
        except (lmdb.Error, OSError) as error:
            raise self._not_opened(error) from error
        self._failure = None
        return self._opened

    def _renew_lock(self) -> None:
        if self._lock.is_current():
            return
        self._lock.close()
        if not self._lock.try_to_acquire():
            raise StoreError(Trouble.TIMEOUT, f"another process opens {self.folder}")

    def _not_opened(self, error: lmdb.Error | OSError) -> StoreError:
        self._tried = time.monotonic()
        self._failure = environment.explain(error, Trouble.UNREACHABLE)
        return self._failure

    def _failed(self, error: lmdb.Error | OSError) -> StoreError:
        """Leave the file such that it can be used again. The lock is still ours."""
        explained = environment.explain(error, Trouble.BROKEN)
        if explained.trouble is Trouble.FULL:
            return explained
        if self._makes and isinstance(error, environment.BROKEN) and self._opened and self._opened.is_current():
            self._move_aside()
        # LMDB may take nothing more after it could not write; opened anew, it goes on from its last whole state.
        self._close_environment()
        return explained

    def _move_aside(self) -> None:
        try:
            moved = environment.move_aside(self.folder)
        except OSError:
            # The same is met, and tried, at the next use.
            return
        self._moved_aside(str(moved))

    def _close_environment(self) -> None:
        if self._opened:
            self._opened.environment.close()
            self._opened = None
