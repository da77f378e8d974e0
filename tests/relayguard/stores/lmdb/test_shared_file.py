"""The file that all workers have open: who comes when, and what becomes of it when something is wrong."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb import environment, shared_file
from relayguard.stores.lmdb.environment import DATA, WRITE_LOCK
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.shared_file import SharedFile


class Shared(SharedFile):
    """One that remembers what it moved aside."""

    def __init__(self, folder: Path, max_keys: int = 1000, timeout: float = 0.01) -> None:
        self.moved: list[str] = []
        super().__init__(folder, max_keys, timeout, self.moved.append)

    def put(self, key: bytes, value: bytes = b"value") -> None:
        asyncio.run(self.write(lambda transaction: transaction.put(key, value)))

    def get(self, key: bytes) -> bytes | None:
        return asyncio.run(self.read(lambda transaction: transaction.get(key)))


def refusing(error: Exception) -> Callable[[lmdb.Transaction], None]:
    def refuse(transaction: lmdb.Transaction) -> None:
        transaction.put(b"half", b"done")
        raise error

    return refuse


def trouble_of(shared: Shared, error: Exception) -> Trouble:
    with pytest.raises(StoreError) as failed:
        asyncio.run(shared.write(refusing(error)))
    return failed.value.trouble


def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    shared.put(b"key")
    assert shared.get(b"key") == b"value"
    shared.close()
    assert shared.get(b"key") == b"value"
    shared.close()


def test_what_fails_in_the_middle_was_never_begun_and_the_next_goes_on(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    assert trouble_of(shared, lmdb.MapFullError("full")) is Trouble.FULL
    assert trouble_of(shared, lmdb.DiskError("full")) is Trouble.FULL
    assert trouble_of(shared, lmdb.Error("Input/output error")) is Trouble.BROKEN
    assert trouble_of(shared, lmdb.MapResizedError("grown")) is Trouble.BROKEN
    assert shared.get(b"half") is None
    shared.put(b"key")
    assert shared.get(b"key") == b"value"
    assert not shared.moved
    shared.close()


def test_a_file_that_turns_out_to_be_broken_is_moved_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    assert trouble_of(shared, lmdb.CorruptedError("broken")) is Trouble.BROKEN
    assert [Path(path).parent for path in shared.moved] == [tmp_path]
    assert shared.get(b"key") is None
    shared.put(b"key")
    assert len(shared.moved) == 1
    shared.close()


def test_a_file_that_another_process_has_replaced_is_not_moved_aside(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")

    def meanwhile(transaction: lmdb.Transaction) -> None:
        environment.move_aside(tmp_path)
        raise lmdb.CorruptedError("broken")

    with pytest.raises(StoreError):
        asyncio.run(shared.write(meanwhile))
    assert not shared.moved
    shared.put(b"key")
    shared.close()


def test_a_broken_file_that_cannot_be_moved_is_met_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")

    def refuse(folder: Path) -> Path:
        raise OSError("not yours")

    monkeypatch.setattr(environment, "move_aside", refuse)
    assert trouble_of(shared, lmdb.CorruptedError("broken")) is Trouble.BROKEN
    assert not shared.moved
    shared.close()


def test_a_file_that_was_cut_while_it_was_open_is_not_read(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    for number in range(1000):
        shared.put(b"%d" % number, bytes(100))
    os.truncate(tmp_path / DATA, 4 * 4096)
    assert shared.get(b"500") is None
    assert len(shared.moved) == 1
    os.truncate(tmp_path / DATA, 0)
    shared.put(b"key")
    shared.close()


def test_who_has_an_old_file_open_goes_on_with_the_new_one(tmp_path: Path) -> None:
    first = Shared(tmp_path)
    first.put(b"old")
    environment.move_aside(tmp_path)
    second = Shared(tmp_path)
    second.put(b"new")
    second.close()
    assert first.get(b"new") == b"value"
    assert first.get(b"old") is None
    first.close()


def test_a_folder_that_was_deleted_is_made_again_and_its_new_lock_is_used(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "folder")
    shared.put(b"old")
    shutil.rmtree(tmp_path / "folder")
    # The first use notices that the file is gone, and takes the lock anew.
    (tmp_path / "folder").mkdir()
    shared.put(b"new")
    other = LockFile(tmp_path / "folder" / WRITE_LOCK)
    assert other.try_to_acquire()
    with pytest.raises(StoreError):
        shared.put(b"newer")
    other.close()
    shared.close()


def test_if_the_new_lock_is_held_the_deadline_is_not_waited_for_twice(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"old")
    for path in tmp_path.iterdir():
        path.unlink()
    other = LockFile(tmp_path / WRITE_LOCK)
    assert other.try_to_acquire()
    with pytest.raises(StoreError) as refused:
        shared.put(b"new")
    assert refused.value.trouble is Trouble.TIMEOUT
    other.close()
    shared.put(b"new")
    shared.close()


def test_what_cannot_be_opened_is_tried_again_after_a_while_and_not_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.touch()
    shared = Shared(in_the_way)
    for _ in range(2):
        with pytest.raises(StoreError) as refused:
            shared.put(b"key")
        assert refused.value.trouble is Trouble.UNREACHABLE
    in_the_way.unlink()
    monkeypatch.setattr(shared_file, "_PATIENCE", 3600.0)
    with pytest.raises(StoreError):
        shared.put(b"key")
    assert not in_the_way.exists()
    monkeypatch.setattr(shared_file, "_PATIENCE", 0.0)
    shared.put(b"key")
    shared.close()


def test_a_data_file_that_is_a_folder_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / DATA).mkdir()
    (tmp_path / DATA / "something").touch()
    shared = Shared(tmp_path)
    with pytest.raises(StoreError) as refused:
        shared.put(b"key")
    assert refused.value.trouble is Trouble.UNREACHABLE
    shared.close()
    # The lock was released.
    other = LockFile(tmp_path / WRITE_LOCK)
    assert other.try_to_acquire()
    other.close()


def test_room_is_kept_so_that_something_can_always_be_deleted(tmp_path: Path) -> None:
    shared = Shared(tmp_path, max_keys=1000)
    count = 0

    def fill(transaction: lmdb.Transaction) -> None:
        shared.check_room(transaction, 0)
        transaction.put(b"%d" % count, bytes(1500))

    trouble = None
    while trouble is None:
        try:
            asyncio.run(shared.write(fill))
            count += 1
        except StoreError as error:
            trouble = error.trouble
    assert trouble is Trouble.FULL
    assert count > 500
    for number in range(count):
        key = b"%d" % number
        assert asyncio.run(shared.write(lambda transaction, key=key: transaction.delete(key)))  # type: ignore[misc]
    asyncio.run(shared.write(fill))
    shared.close()


def test_a_command_finds_what_is_there_and_makes_nothing(tmp_path: Path) -> None:
    async def look() -> bool:
        async with Shared(tmp_path).existing(writable=False) as there:
            return there

    assert not asyncio.run(look())
    assert not list(tmp_path.iterdir())
    shared = Shared(tmp_path)
    shared.put(b"key")
    shared.close()
    assert asyncio.run(look())


def test_a_command_is_told_that_a_file_is_broken_and_that_another_process_has_the_lock(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    shared.close()

    async def look() -> Trouble:
        with pytest.raises(StoreError) as failed:
            async with shared.existing(writable=True):
                pass
        return failed.value.trouble

    other = LockFile(tmp_path / WRITE_LOCK)
    assert other.try_to_acquire()
    assert asyncio.run(look()) is Trouble.TIMEOUT
    other.close()
    (tmp_path / DATA).write_bytes(b"No database." * 1000)
    assert asyncio.run(look()) is Trouble.BROKEN
    assert not shared.moved
    shared.close()


def test_who_only_read_can_write_afterwards(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    shared.close()

    async def both() -> None:
        async with shared.existing(writable=False) as there:
            assert there
            await shared.write(lambda transaction: transaction.put(b"key", b"other"))
            assert await shared.read(lambda transaction: transaction.get(b"key")) == b"other"

    asyncio.run(both())
    assert shared.get(b"key") == b"other"
    shared.close()


def files_of(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    found = {path.name: path.stat() for path in folder.iterdir()}
    return {name: (stat.st_ino, stat.st_uid, stat.st_mode, stat.st_size) for name, stat in found.items()}


def cut(folder: Path) -> None:
    os.truncate(folder / DATA, 2 * 4096)


def overwrite(folder: Path) -> None:
    (folder / DATA).write_bytes(b"No database." * 1000)


def delete_the_file(folder: Path) -> None:
    (folder / DATA).unlink()


def delete_the_readers(folder: Path) -> None:
    (folder / DATA).rename(folder / "elsewhere")
    (folder / "lock.mdb").unlink()


def delete_all(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize("damage", [cut, overwrite, delete_the_file, delete_the_readers, delete_all])
def test_a_command_leaves_a_file_as_it_is_that_breaks_or_goes_under_its_eyes(
    damage: Callable[[Path], None], tmp_path: Path, *, writable: bool
) -> None:
    folder = tmp_path / "folder"
    shared = Shared(folder)
    shared.put(b"key", bytes(100_000))
    shared.close()

    async def look() -> dict[str, tuple[int, int, int, int]]:
        async with shared.existing(writable=writable) as there:
            assert there
            damage(folder)
            left = files_of(folder)
            use = shared.write if writable else shared.read
            with pytest.raises(StoreError):
                await use(lambda transaction: transaction.get(b"key"))
            return left

    assert asyncio.run(look()) == files_of(folder)
    assert not shared.moved
    shared.close()


def test_a_command_that_meets_a_broken_page_leaves_the_file_to_the_workers(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    shared.close()

    async def change() -> None:
        async with shared.existing(writable=True):
            await shared.write(refusing(lmdb.CorruptedError("broken")))

    with pytest.raises(StoreError):
        asyncio.run(change())
    assert not shared.moved
    assert shared.get(b"key") == b"value"
    shared.close()


def test_after_a_command_wrote_the_files_are_whose_they_were(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    shared.close()
    if os.geteuid() == 0:
        for path in tmp_path.iterdir():
            os.chown(path, 65534, 65534)
    before = files_of(tmp_path)

    async def change() -> bool:
        async with shared.existing(writable=True):
            return await shared.write(lambda transaction: transaction.delete(b"key"))

    assert asyncio.run(change())
    assert files_of(tmp_path) == before


READS_AND_DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from relayguard.stores.lmdb.shared_file import SharedFile

async def main():
    shared = SharedFile(Path(sys.argv[1]), 1000, 30.0, print)
    await shared.read(lambda transaction: os.kill(os.getpid(), signal.SIGKILL))
asyncio.run(main())
"""


@pytest.mark.parametrize("swept", [False, True])
def test_a_reader_that_was_killed_does_not_keep_its_pages_for_ever(tmp_path: Path, *, swept: bool) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    subprocess.run([sys.executable, "-c", READS_AND_DIES, str(tmp_path)], check=False, timeout=60)
    if swept:
        asyncio.run(shared.forget_dead_readers())
    size = (tmp_path / DATA).stat().st_size
    for _ in range(2 * size // 100_000):
        shared.put(b"key", bytes(100_000))
    shared.close()


def test_a_command_is_not_stopped_within_a_transaction(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    shared.put(b"key")
    shared.close()

    def blocked(transaction: lmdb.Transaction) -> set[int]:
        return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    async def look() -> set[int]:
        async with shared.existing(writable=False):
            return await shared.read(blocked)

    assert signal.SIGTSTP in asyncio.run(look())
    assert signal.SIGTSTP not in asyncio.run(shared.read(blocked))
    shared.close()


def test_a_file_that_was_found_to_be_broken_is_moved_aside_unless_it_is_another_by_now(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    assert shared.inode() == 0
    shared.put(b"key")
    assert shared.is_open
    asyncio.run(shared.discard(shared.inode() + 1))
    assert shared.get(b"key") == b"value"
    asyncio.run(shared.discard(shared.inode()))
    assert len(shared.moved) == 1
    assert shared.get(b"key") is None
    shared.close()
