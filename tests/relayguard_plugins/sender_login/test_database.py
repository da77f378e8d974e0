import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from relayguard.testing import FrozenClock
from relayguard_plugins.sender_login.database import MAX_REMEMBERED, MAX_ROWS, Database
from relayguard_plugins.sender_login.options import Options
from relayguard_plugins.sender_login.owners import Owners, Unknown

QUERY = Options().query
CLOCK = FrozenClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a folder" / "who?.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE sender_login (address TEXT NOT NULL, login TEXT NOT NULL, PRIMARY KEY (address, login))"
        )
        rows = [("info@example.com", "alice"), ("info@example.com", "Bob"), ("@example.net", "carol, dave")]
        database.executemany("INSERT INTO sender_login VALUES (?, ?)", rows)
    return path


@pytest.fixture
def written(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def logins(owners: Owners, entry: str) -> set[str] | None:
    found = owners.logins(entry)
    return set(found) if found is not None else None


def a_database(path: Path, query: str = QUERY, seconds: float = 2.0, clock: FrozenClock = CLOCK) -> Database:
    return Database(path, query, seconds=seconds, remembered=10.0, now=clock.now)


def test_the_rows_of_an_address_are_its_logins(path: Path) -> None:
    database = a_database(path)
    database.check()
    assert logins(database, "info@example.com") == {"alice", "bob"}
    assert logins(database, "@example.net") == {"carol", "dave"}
    assert logins(database, "sales@example.com") is None


def test_an_answer_holds_for_its_time_and_is_asked_for_again_after_it(
    path: Path, written: sqlite3.Connection
) -> None:
    clock = FrozenClock()
    database = a_database(path, clock=clock)
    assert logins(database, "info@example.com") == {"alice", "bob"}
    assert logins(database, "new@example.com") is None
    written.execute("DELETE FROM sender_login")
    written.execute("INSERT INTO sender_login VALUES ('new@example.com', 'alice')")
    clock.advance(9)
    assert logins(database, "info@example.com") == {"alice", "bob"}
    assert logins(database, "new@example.com") is None
    clock.advance(2)
    assert logins(database, "info@example.com") is None
    assert logins(database, "new@example.com") == {"alice"}


def test_no_more_answers_are_remembered_than_there_is_room_for(path: Path) -> None:
    database = a_database(path)
    database._ask = lambda entry: None  # type: ignore[method-assign]  # the disk would take its time
    for number in range(MAX_REMEMBERED + 10):
        logins(database, f"{number}@example.com")
    assert len(database._answers) == MAX_REMEMBERED
    assert "0@example.com" not in database._answers


def test_a_database_that_is_missing_may_come_yet_and_until_then_nothing_is_known(path: Path) -> None:
    aside = path.rename(path.with_suffix(".aside"))
    database = a_database(path)
    database.check()
    with pytest.raises(Unknown, match="unable to open"):
        logins(database, "info@example.com")
    aside.rename(path)
    assert logins(database, "info@example.com") == {"alice", "bob"}
    assert not path.with_suffix(".sqlite-journal").exists()


def test_a_database_that_is_locked_is_waited_for_no_longer_than_it_may_take(
    path: Path, written: sqlite3.Connection
) -> None:
    written.execute("BEGIN EXCLUSIVE")
    database = a_database(path, seconds=0.1)
    database.check()
    started = time.monotonic()
    with pytest.raises(Unknown, match="locked"):
        logins(database, "info@example.com")
    assert time.monotonic() - started < 2
    written.execute("ROLLBACK")
    assert logins(database, "info@example.com") == {"alice", "bob"}


def test_a_query_that_never_ends_is_ended(path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n WHERE i != ?"
    database = a_database(path, endless, seconds=0.1)
    started = time.monotonic()
    with pytest.raises(Unknown, match="interrupted"):
        logins(database, "info@example.com")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT login FROM users WHERE address = ?", "no such table: users"),
        ("SELECT login FROM sender_login", "bindings"),
        ("SELECT login FROM sender_login WHERE address = ? OR login = ?", "bindings"),
        ("SELEKT", "syntax error"),
        ("DELETE FROM sender_login WHERE address = ?", "readonly"),
        ("SELECT 1 WHERE ? != 'x'; SELECT 1", "one statement"),
    ],
)
def test_a_query_that_can_never_be_answered_is_a_mistake_from_the_start(path: Path, query: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        a_database(path, query).check()
    assert str(path) in str(error.value)


def test_a_file_that_is_no_database_is_a_mistake_from_the_start(path: Path) -> None:
    path.write_text("info@example.com alice\n" * 100)
    with pytest.raises(ValueError, match="not a database"):
        a_database(path).check()


def test_a_query_gone_wrong_gives_no_logins(path: Path) -> None:
    endless = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {MAX_ROWS + 1}) SELECT i FROM n WHERE ? > ''"
    with pytest.raises(Unknown, match="more than 1000 rows"):
        logins(a_database(path, endless), "info@example.com")


@pytest.mark.parametrize("query", ["SELECT NULL WHERE ? > ''", "SELECT '' WHERE ? > ''"])
def test_a_row_without_a_login_is_an_entry_that_belongs_to_nobody(path: Path, query: str) -> None:
    assert logins(a_database(path, query), "info@example.com") == set()


def test_several_threads_may_ask_at_once(path: Path) -> None:
    database = a_database(path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(partial(logins, database), ["info@example.com", "@example.net", "x@example.com"] * 50))
    assert found == [{"alice", "bob"}, {"carol", "dave"}, None] * 50


def test_an_address_is_a_parameter_and_no_part_of_the_query(path: Path) -> None:
    assert logins(a_database(path), "' OR '1'='1") is None


def test_logins_that_were_written_as_octets_are_text(path: Path, written: sqlite3.Connection) -> None:
    written.execute("INSERT INTO sender_login VALUES ('blob@example.com', CAST('J\u00fcrgen, bob' AS BLOB))")
    written.execute("INSERT INTO sender_login VALUES ('broken@example.com', x'ff')")
    assert logins(a_database(path), "blob@example.com") == {"j\u00fcrgen", "bob"}
    with pytest.raises(Unknown, match="not UTF-8"):
        a_database(path).logins("broken@example.com")
