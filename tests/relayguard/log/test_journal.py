import os
import socket
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from structlog import DropEvent

from relayguard.log.journal import NAMESPACE, Journal, entry, is_journal, message_id
from tests.relayguard.log.conftest import Journald, read_entry
from tests.relayguard.log.test_rendering import hostile


def takes(journal: Journal, level: str = "info", **fields: object) -> bool:
    """Whether an event ends there, and does not go on to be written elsewhere."""
    try:
        journal(None, level, {"event": "envelope", **fields})
    except DropEvent:
        return True
    return False


def test_an_entry_has_a_field_for_each_value(journald: Journald) -> None:
    journal = Journal(journald.address)
    fields: dict[str, Any] = {
        "queue_id": "4ABC",
        "recipients": 2,
        "results": ["spf=pass"],
        "reply": None,
        "listeners": {"a": "b"},
    }
    assert takes(journal, **fields)
    (found,) = journald.entries()
    assert found == {
        "MESSAGE": rb'envelope queue_id=4ABC recipients=2 results="spf=pass" listeners="{\"a\": \"b\"}"',
        "PRIORITY": b"6",
        "SYSLOG_IDENTIFIER": b"relayguard",
        "MESSAGE_ID": message_id("envelope").encode(),
        "RELAYGUARD_EVENT": b"envelope",
        "RELAYGUARD_QUEUE_ID": b"4ABC",
        "RELAYGUARD_RECIPIENTS": b"2",
        "RELAYGUARD_RESULTS": b'["spf=pass"]',
        "RELAYGUARD_LISTENERS": b'{"a": "b"}',
    }


@pytest.mark.parametrize(("level", "priority"), [("debug", b"7"), ("info", b"6"), ("warning", b"4"), ("error", b"3")])
def test_a_level_is_a_priority_of_syslog(level: str, priority: bytes) -> None:
    assert dict(read_entry(entry(level, {"event": "x"})))["PRIORITY"] == priority


def test_the_id_of_an_event_never_changes() -> None:
    assert message_id("envelope") == uuid.uuid5(NAMESPACE, "envelope").hex == "ad1fbec6c6b3509991106d7262e14b8d"


@given(hostile, hostile)
def test_whatever_a_message_holds_its_entry_has_the_same_fields(a: str, b: str) -> None:
    found = read_entry(entry("info", {"sender": a, "results": [b], "event": "envelope"}))
    names = ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE_ID", "RELAYGUARD_SENDER", "RELAYGUARD_RESULTS"]
    assert [name for name, _ in found] == [*names, "RELAYGUARD_EVENT"]
    fields = dict(found)
    assert fields["RELAYGUARD_SENDER"] == a.encode("utf-8", "backslashreplace")
    assert fields["MESSAGE"].isascii()
    assert b"\n" not in fields["MESSAGE"]


@pytest.mark.parametrize(
    "value", ["a\nPRIORITY=0\n", "\n", "MESSAGE\n\x01\0\0\0\0\0\0\0x\n", b"a\nb", "\udc80\u2028"]
)
def test_a_value_cannot_begin_a_field_or_an_entry_of_its_own(journald: Journald, value: object) -> None:
    assert takes(Journal(journald.address), sender=value)
    (found,) = journald.entries()
    assert found["PRIORITY"] == b"6"
    assert found["MESSAGE"].startswith(b"envelope sender=")


def test_an_entry_that_is_too_large_for_a_datagram_arrives_whole(journald: Journald) -> None:
    journal = Journal(journald.address)
    # The kernel makes the least of it, which is less than this entry.
    journal._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 0)
    assert takes(journal, notes=["x" * 100_000])
    (found,) = journald.entries()
    assert found["RELAYGUARD_NOTES"] == b'["' + b"x" * 100_000 + b'"]'


def test_what_a_journald_that_is_away_cannot_take_goes_on(tmp_path: Path) -> None:
    assert not takes(Journal(str(tmp_path / "nobody")))


def test_a_journald_that_comes_back_is_found(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "journal"))
    for _ in range(2):
        assert not takes(journal)
        back = Journald(tmp_path / "journal")
        assert takes(journal)
        assert len(back.entries()) == 1
        back.close()
        (tmp_path / "journal").unlink()


def test_a_journald_that_is_full_is_not_waited_for(journald: Journald) -> None:
    journal = Journal(journald.address)
    while takes(journal):
        pass
    assert len(journald.entries()) > 0
    assert takes(journal)


def test_journald_is_known_by_the_device_and_inode_of_what_it_reads(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert is_journal(stream, f"{found.st_dev}:{found.st_ino}")
        assert not is_journal(stream, f"{found.st_dev}:{found.st_ino + 1}")
        assert not is_journal(stream, "nonsense")
        assert not is_journal(stream, None)
    assert not is_journal(StringIO(), "1:2")
