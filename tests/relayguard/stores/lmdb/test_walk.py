"""All counters of a file are met once, in slices that are small whatever the file holds."""

import signal
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from relayguard.stores.lmdb import walk
from relayguard.stores.lmdb.environment import open_or_repair
from relayguard.stores.lmdb.opened import Opened, file_size
from relayguard.stores.lmdb.walk import slice_of, unstopped


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    store = open_or_repair(tmp_path, file_size(1000), lambda moved: None)
    yield store
    store.environment.close()


def put(opened: Opened, *keys: bytes, value: bytes = b"value") -> None:
    with opened.environment.begin(write=True) as transaction:
        for key in keys:
            transaction.put(key, value)


def keys_after(opened: Opened, after: bytes) -> list[bytes]:
    with opened.environment.begin(buffers=True) as transaction:
        return [key for key, _ in slice_of(transaction, after)]


def test_a_slice_begins_after_a_key_whether_it_is_still_there_or_not(opened: Opened) -> None:
    put(opened, b"a", b"c", b"e", b"z" * 511)
    assert keys_after(opened, b"") == [b"a", b"c", b"e", b"z" * 511]
    assert keys_after(opened, b"c") == keys_after(opened, b"d") == [b"e", b"z" * 511]
    assert keys_after(opened, b"z" * 511) == []


def test_a_slice_ends_after_so_many_keys_or_octets(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    put(opened, *(b"%d" % number for number in range(9)), value=bytes(99))
    monkeypatch.setattr(walk, "SLICE", 3)
    assert keys_after(opened, b"") == [b"0", b"1", b"2"]
    monkeypatch.setattr(walk, "SLICE_OCTETS", 150)
    assert keys_after(opened, b"2") == [b"3", b"4"]


@pytest.mark.parametrize("buffers", [False, True])
def test_what_a_slice_holds_outlives_the_transaction(*, buffers: bool, opened: Opened) -> None:
    put(opened, b"a", value=b"a" * 5000)
    with opened.environment.begin(buffers=buffers) as transaction:
        seen, heads = slice_of(transaction, b""), slice_of(transaction, b"", 3)
    assert seen == [(b"a", b"a" * 5000)]
    assert heads == [(b"a", b"aaa")]


def test_keys_that_are_not_in_order_are_no_way_to_go_for_ever(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def following(transaction: lmdb.Transaction, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield from [(b"b", b""), (b"a", b"")]

    monkeypatch.setattr(walk, "_following", following)
    with pytest.raises(lmdb.CorruptedError):
        keys_after(opened, b"")
    with pytest.raises(lmdb.CorruptedError):
        keys_after(opened, b"c")


def test_a_terminal_does_not_stop_who_holds_pages_and_does_afterwards() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with unstopped():
        assert signal.SIGTSTP in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
