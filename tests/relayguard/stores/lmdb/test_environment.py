"""Opening LMDB's files: what is broken is moved aside, and what is there is not touched by who only reads."""

import os
from errno import EACCES, EDQUOT, EIO, ENOSPC
from pathlib import Path

import lmdb
import pytest

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb import environment
from relayguard.stores.lmdb.environment import (
    DATA,
    WRITE_LOCK,
    explain,
    is_there,
    move_aside,
    open_existing,
    open_or_repair,
)
from relayguard.stores.lmdb.opened import Opened, file_size

SIZE = file_size(1000)


class Moved(list[str]):
    def __call__(self, path: str) -> None:
        self.append(path)


def put(opened: Opened, count: int) -> None:
    with opened.environment.begin(write=True) as transaction:
        for number in range(count):
            transaction.put(b"%06d" % number, b"value")


def made(folder: Path, count: int = 2000) -> Path:
    opened = open_or_repair(folder, SIZE, Moved())
    put(opened, count)
    opened.environment.close()
    (folder / WRITE_LOCK).touch(mode=0o600)
    return folder / DATA


def test_the_files_are_for_their_owner_alone_and_as_long_as_they_will_ever_be(tmp_path: Path) -> None:
    data = made(tmp_path)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        DATA: 0o600,
        "lock.mdb": 0o600,
        WRITE_LOCK: 0o600,
    }
    assert data.stat().st_size == SIZE
    assert data.stat().st_blocks * 512 < SIZE


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    made(tmp_path, 3)
    moved = Moved()
    opened = open_or_repair(tmp_path, SIZE, moved)
    with opened.environment.begin() as transaction:
        assert transaction.get(b"000002") == b"value"
    assert not moved
    opened.environment.close()


def test_a_smaller_number_of_keys_does_not_shorten_the_file(tmp_path: Path) -> None:
    data = made(tmp_path)
    opened = open_or_repair(tmp_path, SIZE // 2, Moved())
    assert opened.size == data.stat().st_size == SIZE
    opened.environment.close()


def noise(data: Path) -> None:
    data.write_bytes(b"This is no database." * 1000)


def two_octets(data: Path) -> None:
    data.write_bytes(b"ab")


def other_version(data: Path) -> None:
    content = bytearray(data.read_bytes())
    for page in (0, 4096):
        # After the page's header of 16 octets and the magic number.
        content[page + 20 : page + 24] = b"\x63\0\0\0"
    data.write_bytes(content)


def cut_in_half(data: Path) -> None:
    os.truncate(data, 8 * 4096)


def cut_after_the_first_page(data: Path) -> None:
    os.truncate(data, 4096)


@pytest.mark.parametrize("damage", [noise, two_octets, other_version, cut_in_half, cut_after_the_first_page])
def test_a_file_that_is_broken_or_too_short_is_moved_aside(damage: object, tmp_path: Path) -> None:
    assert callable(damage)
    data = made(tmp_path)
    damage(data)
    broken = data.read_bytes()
    moved = Moved()
    opened = open_or_repair(tmp_path, SIZE, moved)
    put(opened, 1)
    opened.environment.close()
    assert len(moved) == 1
    assert moved[0].startswith(f"{data}.broken-")
    assert Path(moved[0]).read_bytes() == broken


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    os.truncate(made(tmp_path), 0)
    moved = Moved()
    opened = open_or_repair(tmp_path, SIZE, moved)
    put(opened, 1)
    opened.environment.close()
    assert not moved


def test_of_the_files_moved_aside_the_last_three_are_kept(tmp_path: Path) -> None:
    names = [f"{DATA}.broken-2026010{number}T000000Z" for number in range(1, 5)]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / DATA).touch()
    latest = move_aside(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names[-2:], latest.name]


def test_a_command_reads_what_is_there_and_cannot_change_it(tmp_path: Path) -> None:
    assert not is_there(tmp_path)
    made(tmp_path)
    assert is_there(tmp_path)
    opened = open_existing(tmp_path, writable=False)
    with opened.environment.begin() as transaction:
        assert transaction.get(b"000000") == b"value"
    with pytest.raises(lmdb.Error):
        put(opened, 1)
    opened.environment.close()


def test_a_command_is_told_of_a_broken_file_and_leaves_it(tmp_path: Path) -> None:
    data = made(tmp_path)
    os.truncate(data, 8 * 4096)
    for writable in (False, True):
        with pytest.raises(lmdb.CorruptedError):
            open_existing(tmp_path, writable=writable)
    assert data.stat().st_size == 8 * 4096


def test_the_file_of_readers_has_its_room_on_the_disk_before_it_is_written_through_memory(tmp_path: Path) -> None:
    made(tmp_path)
    readers = tmp_path / "lock.mdb"
    assert readers.stat().st_blocks * 512 >= readers.stat().st_size > 0


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (OSError(ENOSPC, "full"), Trouble.FULL),
        (OSError(EDQUOT, "full"), Trouble.FULL),
        (OSError(EACCES, "not yours"), Trouble.UNREACHABLE),
        (OSError(EIO, "worn out"), Trouble.UNREACHABLE),
        (lmdb.MapFullError("full"), Trouble.FULL),
        (lmdb.DiskError("full"), Trouble.FULL),
        (lmdb.InvalidError("no database"), Trouble.BROKEN),
        (lmdb.Error("whatever"), Trouble.UNREACHABLE),
    ],
)
def test_each_failure_has_its_meaning(error: lmdb.Error | OSError, trouble: Trouble) -> None:
    explained = explain(error, Trouble.UNREACHABLE)
    assert explained.trouble is trouble
    assert str(explained) == str(error)


def test_if_not_even_a_new_file_can_be_opened_the_error_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise(made(tmp_path))

    def refuse(path: Path) -> None:
        raise OSError(ENOSPC, "full")

    monkeypatch.setattr(environment, "_reserve", refuse)
    with pytest.raises(OSError, match="full"):
        open_or_repair(tmp_path, SIZE, Moved())


def test_who_may_not_look_into_the_folder_is_told_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(StoreError, match="as root") as failed:
        is_there(tmp_path)
    assert failed.value.trouble is Trouble.UNREACHABLE


def test_what_is_missing_of_the_files_is_not_made_by_a_command(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "lock.mdb").unlink()
    with pytest.raises(FileNotFoundError):
        open_existing(tmp_path, writable=True)
    assert [path.name for path in tmp_path.iterdir() if path.name != WRITE_LOCK] == [DATA]
