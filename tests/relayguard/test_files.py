import os
from pathlib import Path

import pytest

from relayguard import WatchedFile
from relayguard.files import OperatorFiles


def number(text: str) -> int:
    if not text.strip().isdigit():
        raise ValueError("line 1: no number")
    return int(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "number.txt"
    path.write_text("1")
    return path


def test_a_file_is_read_at_once_and_anew_when_it_has_changed(path: Path) -> None:
    watched = WatchedFile(path, number, OperatorFiles())
    assert watched.value == 1
    watched.refresh()
    assert not watched.refresh()
    path.write_text("22")
    assert watched.refresh()
    assert watched.value == 22


@pytest.mark.parametrize(("octets", "problem"), [(b"x", "line 1: no number"), (b"\xff", "line 1: not UTF-8")])
def test_a_broken_file_is_an_error_at_the_start_that_names_it(path: Path, octets: bytes, problem: str) -> None:
    path.write_bytes(octets)
    with pytest.raises(ValueError, match=problem) as error:
        WatchedFile(path, number, OperatorFiles())
    assert str(error.value).startswith(f"{path}: ")


def test_who_is_started_while_the_file_is_broken_begins_with_what_was_checked(path: Path) -> None:
    checked = OperatorFiles()
    WatchedFile(path, number, checked)
    path.write_text("nonsense")
    watched = WatchedFile(path, number, OperatorFiles(checked.seen))
    assert watched.value == 1
    with pytest.raises(ValueError, match="no number"):
        watched.refresh()
    assert not watched.refresh()
    assert watched.value == 1


def test_who_is_started_after_the_file_was_changed_has_the_change_at_the_first_refresh(path: Path) -> None:
    watched = WatchedFile(path, number, OperatorFiles({str(path): "7"}))
    assert watched.value == 7
    assert watched.refresh()
    assert watched.value == 1


def test_a_file_that_cannot_be_read_is_told_of_once_and_read_as_soon_as_it_can_be(path: Path) -> None:
    watched = WatchedFile(path, number, OperatorFiles())
    away = path.rename(path.with_name("away"))
    with pytest.raises(ValueError, match="No such file"):
        watched.refresh()
    assert not watched.refresh()
    away.rename(path)
    assert watched.refresh()


def test_a_file_put_in_place_of_another_with_the_same_time_and_size_is_seen(path: Path) -> None:
    watched = WatchedFile(path, number, OperatorFiles())
    watched.refresh()
    status = path.stat()
    other = path.with_name("other")
    other.write_text("2")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert watched.refresh()
    assert watched.value == 2


def test_a_byte_order_mark_is_no_part_of_the_text(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf7")
    assert WatchedFile(path, number, OperatorFiles()).value == 7
