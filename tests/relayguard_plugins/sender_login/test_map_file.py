import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard.files import OperatorFiles
from relayguard_plugins.sender_login.map_file import MapFile
from relayguard_plugins.sender_login.owners import Owners


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sender_login"


def logins(owners: Owners, entry: str) -> set[str] | None:
    found = owners.logins(entry)
    return set(found) if found is not None else None


def read(path: Path, text: str | bytes) -> MapFile:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return MapFile(path, OperatorFiles())


def test_a_file_of_postfix_is_read_as_postfix_reads_it(path: Path) -> None:
    found = read(
        path,
        "# who may write as whom\n\n"
        "Info@Example.com  alice, bob@example.com\n"
        "sales@example.com\talice\n"
        "   # a comment between\n"
        "    carol\n"
        "@example.net dave\r\n"
        "*  newsletter",
    )
    assert logins(found, "info@example.com") == {"alice", "bob@example.com"}
    assert logins(found, "sales@example.com") == {"alice", "carol"}
    assert logins(found, "@example.net") == {"dave"}
    assert logins(found, "*") == {"newsletter"}
    assert logins(found, "alice") is None


def test_an_entry_with_nothing_before_it_to_go_on_with_may_be_indented(path: Path) -> None:
    assert logins(read(path, "# ours\n  info@example.com alice\n"), "info@example.com") == {"alice"}


def test_a_file_of_comments_has_no_entry(path: Path) -> None:
    assert read(path, "# nothing yet\n").logins("*") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# a\nbob alice\n", "line 2: 'bob' is no address"),
        ("\ninfo@example.com\n", r"line 2: info@example\.com has no login"),
        ("info@example.com ,\n", "line 1: .* has no login"),
        ("a@example.com x\n\n@ x\n", "line 3: '@' is no address"),
        ("a@example.com x\nb@example.com x\nA@example.com y\n", r"line 3: a@example\.com stands in line 1 already"),
        (b"a@example.com x\nb\xff@example.com x\n", "line 2: not UTF-8"),
        ("a@example.com x\n  y\nb\n", "line 3: 'b'"),
        ("\x1c\n", "line 1: '.x1c' is no address"),
        ("a@example.com\u00a0x\n", "line 1: .* is no address"),
    ],
)
def test_a_broken_file_is_told_of_with_its_line(path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        read(path, text)
    assert str(error.value).startswith(f"{path}: line ")


def test_a_file_that_has_changed_is_read_anew(path: Path) -> None:
    found = read(path, "info@example.com alice\n")
    path.write_text("info@example.com bob, carol\n")
    assert logins(found, "info@example.com") == {"alice"}
    found.refresh()
    assert logins(found, "info@example.com") == {"bob", "carol"}


def test_a_file_put_in_place_of_another_with_the_same_time_and_size_is_seen(path: Path) -> None:
    found = read(path, "info@example.com alice\n")
    times = path.stat().st_mtime_ns
    other = path.with_suffix(".new")
    other.write_text("info@example.com carol\n")
    os.utime(other, ns=(times, times))
    other.replace(path)
    found.refresh()
    assert logins(found, "info@example.com") == {"carol"}


def test_when_a_file_breaks_it_is_told_of_once_and_what_was_read_before_holds(path: Path) -> None:
    found = read(path, "info@example.com alice\n")
    path.write_text("info@example.com alice\nbroken\n")
    with pytest.raises(ValueError, match="line 2"):
        found.refresh()
    found.refresh()
    assert logins(found, "info@example.com") == {"alice"}


def test_a_file_that_is_gone_is_told_of_once_and_read_when_it_is_back(path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        MapFile(path, OperatorFiles())
    found = read(path, "info@example.com alice\n")
    path.unlink()
    with pytest.raises(ValueError, match="No such file"):
        found.refresh()
    found.refresh()
    path.write_text("info@example.com bob\n")
    found.refresh()
    assert logins(found, "info@example.com") == {"bob"}


def test_who_begins_while_the_file_is_broken_has_it_as_it_was_checked(path: Path) -> None:
    checked = OperatorFiles()
    path.write_text("info@example.com alice\n")
    MapFile(path, checked)
    path.write_text("broken\n")
    assert logins(MapFile(path, OperatorFiles(checked.seen)), "info@example.com") == {"alice"}


@given(st.binary(max_size=200))
def test_any_file_is_read_or_told_of(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(raw)
    told = ""
    try:
        MapFile(path, OperatorFiles())
    except ValueError as error:
        told = str(error)
    assert not told or told.startswith(f"{path}: line ")


def test_a_byte_order_mark_is_no_part_of_the_first_entry(path: Path) -> None:
    assert logins(read(path, b"\xef\xbb\xbfinfo@example.com alice\n"), "info@example.com") == {"alice"}
