"""An open file knows whether it is still the one that others find, and whether it takes more."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb.environment import DATA, open_or_repair
from relayguard.stores.lmdb.opened import Opened, file_size, whole_pages

SIZE = file_size(1000)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    store = open_or_repair(tmp_path, SIZE, lambda moved: None)
    yield store
    store.environment.close()


def put(opened: Opened, first: int, count: int, octets: int = 20) -> None:
    with opened.environment.begin(write=True) as transaction:
        for number in range(first, first + count):
            transaction.put(b"%06d" % number, bytes(octets))


def refusal(opened: Opened, new_keys: int, max_keys: int) -> Trouble | None:
    with opened.environment.begin() as transaction:
        try:
            opened.check_room(transaction, new_keys, max_keys)
        except StoreError as error:
            return error.trouble
    return None


def test_room_for_a_million_keys_is_less_than_200_megabytes() -> None:
    assert file_size(1_000_000) < 200_000_000


def test_a_length_is_that_of_whole_pages() -> None:
    assert [whole_pages(size) for size in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]
    assert whole_pages(file_size(12_345)) == file_size(12_345)


def test_an_open_file_is_current_until_it_is_replaced_cut_or_deleted(opened: Opened) -> None:
    data = Path(opened.path)
    assert opened.is_current()
    os.truncate(data, SIZE - 4096)
    assert not opened.is_current()
    os.truncate(data, SIZE)
    assert opened.is_current()
    data.rename(data.parent / "elsewhere")
    assert not opened.is_current()
    (data.parent / DATA).write_bytes(bytes(SIZE))
    assert not opened.is_current()


def test_new_keys_are_refused_beyond_the_number_that_is_allowed_and_nothing_else_is(opened: Opened) -> None:
    put(opened, 0, 10)
    with opened.environment.begin() as transaction:
        assert opened.entries(transaction) == 10
    assert refusal(opened, 2, 12) is None
    assert refusal(opened, 3, 12) is Trouble.FULL
    assert refusal(opened, 0, 5) is None


def test_anything_more_is_refused_before_the_file_is_full_to_its_last_page(opened: Opened) -> None:
    count = 0
    while refusal(opened, 0, 1_000_000) is None:
        put(opened, count, 1, octets=1500)
        count += 1
    assert refusal(opened, 0, 1_000_000) is Trouble.FULL
    # The room that is left is enough to change and to delete what there is.
    put(opened, 0, 100, octets=1500)
    for first in range(0, count, 100):
        with opened.environment.begin(write=True) as transaction:
            for number in range(first, first + 100):
                transaction.delete(b"%06d" % number)
    assert refusal(opened, 1, 1_000_000) is None
