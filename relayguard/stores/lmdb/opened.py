"""A file of counters that is open: whether it is still the one that others find, and whether it takes more."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import lmdb

from relayguard.stores.backend import StoreError, Trouble

_BYTES_PER_KEY = 190
_LEAST_BYTES = 4 << 20
_PAGE = 4096

_RESERVED = 2 << 20
"""LMDB writes a page anew to change it, and lets go of the old one two transactions later: without room for some
hundred pages, nothing could be deleted either.
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open environment, and what the file was when it was opened."""

    environment: lmdb.Environment
    database: lmdb._Database
    path: str
    inode: int
    size: int
    writable: bool

    def is_current(self) -> bool:
        """Tell whether the file is still there at its full length: reading what was cut off kills the process."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - done at each transaction, and this costs half
        except OSError:
            return False
        return found.st_ino == self.inode and found.st_size == self.size

    def write(self, change: Callable[[lmdb.Transaction], T]) -> T:
        """Do something in a transaction. It may be done anew in another one, so that it must have no other effect."""
        try:
            with self.environment.begin(write=True) as transaction:
                return change(transaction)
        except lmdb.MapFullError:
            # The pages that somebody reads are not used anew, not even if it died over it.
            if not self.environment.reader_check():
                raise
        with self.environment.begin(write=True) as transaction:
            return change(transaction)

    def entries(self, transaction: lmdb.Transaction) -> int:
        """Return how many counters there are."""
        return transaction.stat(self.database)["entries"]

    def check_room(self, transaction: lmdb.Transaction, new_keys: int, max_keys: int) -> None:
        """Raise StoreError if there is no room for anything more, or for so many new keys."""
        stat = transaction.stat(self.database)
        if new_keys and stat["entries"] + new_keys > max_keys:
            raise StoreError(Trouble.FULL, f"{self.path} holds {stat['entries']} counters, and may {max_keys}")
        used = (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]) * stat["psize"]
        if used > self.size - _RESERVED:
            raise StoreError(Trouble.FULL, f"{self.path} has {used} octets in use, of {self.size}")


def file_size(max_keys: int) -> int:
    """Return how long the file is for so many keys, in octets."""
    return whole_pages(_LEAST_BYTES + max_keys * _BYTES_PER_KEY)


def whole_pages(size: int) -> int:
    """Return the length of the pages that so many octets lie in."""
    return -(-size // _PAGE) * _PAGE
