"""Going through all counters of a file: a slice at a time, for pages that somebody reads cannot be used anew."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import lmdb

SLICE = 1000
"""So many keys are looked at in one transaction."""

SLICE_OCTETS = 1 << 20
"""And no more is copied, whatever the counters hold."""

_STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def slice_of(transaction: lmdb.Transaction, after: bytes, octets: int | None = None) -> list[tuple[bytes, bytes]]:
    """Return the next so many counters after a key, none if there are no more; of each value only so many octets.

    Raises lmdb.CorruptedError if the keys are not in order: whoever goes on after the last one would never come to an end.
    """
    seen: list[tuple[bytes, bytes]] = []
    copied = 0
    for key, value in _following(transaction, after):
        if key <= after and (seen or after):
            raise lmdb.CorruptedError("keys are not in order")
        after = key
        seen.append((key, bytes(value[:octets])))
        copied += len(key) + len(seen[-1][1])
        if len(seen) >= SLICE or copied >= SLICE_OCTETS:
            break
    return seen


@contextmanager
def unstopped() -> Iterator[None]:
    """Let nobody stop this process from a terminal meanwhile: as long as it sleeps, no page could be used anew."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _following(transaction: lmdb.Transaction, after: bytes) -> Iterator[tuple[bytes, bytes | memoryview]]:
    cursor = transaction.cursor()
    there = cursor.set_range(after) if after else cursor.first()
    if there and bytes(cursor.key()) == after:
        there = cursor.next()
    if there:
        for key, value in cursor.iternext(keys=True, values=True):
            yield bytes(key), value
