"""A lock between processes, for which nothing stands still."""

import asyncio
from pathlib import Path

import pytest

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb.lockfile import LockFile


def test_who_comes_second_is_refused_when_its_time_is_over(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    assert first.try_to_acquire()
    assert not second.try_to_acquire()
    with pytest.raises(StoreError) as refused:
        asyncio.run(second.acquire(0.01))
    assert refused.value.trouble is Trouble.TIMEOUT
    first.close()
    assert second.try_to_acquire()
    second.close()


def test_who_waits_gets_the_lock_when_it_is_released_and_others_have_their_turn_meanwhile(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    order: list[str] = []

    async def hold() -> None:
        order.append("held")
        await asyncio.sleep(0.01)
        order.append("released")
        first.release()

    async def wait() -> None:
        await second.acquire(60)
        order.append("acquired")

    async def both() -> None:
        assert first.try_to_acquire()
        await asyncio.gather(wait(), hold())

    asyncio.run(both())
    assert order == ["held", "released", "acquired"]
    first.close()
    second.close()


def test_the_folder_and_the_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "deep" / "folder" / "lock")
    assert lock.try_to_acquire()
    assert (tmp_path / "deep" / "folder").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "deep" / "folder" / "lock").stat().st_mode & 0o777 == 0o600
    lock.close()


def test_a_file_that_was_deleted_or_replaced_is_not_current(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = LockFile(path)
    assert not lock.is_current()
    assert lock.try_to_acquire()
    assert lock.is_current()
    path.unlink()
    assert not lock.is_current()
    path.touch()
    assert not lock.is_current()
    lock.close()
    # Nothing is left to be released or closed.
    lock.release()
    lock.close()


def test_who_only_wants_an_existing_one_makes_none(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "folder" / "lock")
    lock.makes = False
    with pytest.raises(FileNotFoundError):
        lock.try_to_acquire()
    assert not list(tmp_path.iterdir())


def test_a_process_that_had_no_turn_for_long_does_not_give_up_at_once(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")

    async def hold() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.release()

    async def both() -> None:
        assert first.try_to_acquire()
        # No time at all is what is left of it.
        await asyncio.gather(second.acquire(0), hold())

    asyncio.run(both())
    first.close()
    second.close()
