import json
import os
from io import StringIO
from pathlib import Path

import pytest

from relayguard.log import Floods, make_logger
from relayguard.testing.daemon import Daemon
from relayguard.testing.milter_client import MilterClient
from tests.conftest import configuration, open_folder
from tests.relayguard.log.conftest import Journald

JOURNAL_AT = str(Path(__file__).parents[2] / "sabotage" / "journal_at.py")


def written(form: str, level: str = "info", **fields: object) -> list[str]:
    stream = StringIO()
    logger = make_logger(form, level, stream)
    logger.debug("noise")
    logger.info("envelope", **fields)
    logger.error("filter failed")
    return stream.getvalue().splitlines()


def test_a_line_of_json_holds_level_event_time_and_fields() -> None:
    line = json.loads(written("json", sender="a@example.org", recipients=2)[0])
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "envelope", "sender": "a@example.org", "recipients": 2}


def test_a_line_for_people_holds_the_same() -> None:
    line = written("logfmt", sender="a b")[0]
    assert line.startswith("timestamp=")
    assert line.endswith('level=info event=envelope sender="a b"')


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 1)])
def test_what_is_below_the_level_is_not_written(level: str, lines: int) -> None:
    assert len(written("json", level)) == lines


def test_what_is_given_to_a_logger_stands_in_every_line() -> None:
    stream = StringIO()
    logger = make_logger("json", "error", stream, floods=Floods(lines=1, seconds=0), worker=3)
    for _ in range(3):
        logger.error("filter failed")
    assert {json.loads(line)["worker"] for line in stream.getvalue().splitlines()} == {3}


def test_how_much_was_left_out_is_told_at_every_level() -> None:
    stream = StringIO()
    logger = make_logger("json", "error", stream, floods=Floods(lines=0, seconds=0))
    for _ in range(2):
        logger.error("filter failed")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["lines left out"]


def test_a_file_is_written_in_json(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        make_logger("auto", "info", stream, environ={}).info("envelope")
    assert json.loads((tmp_path / "log").read_text())["event"] == "envelope"


def test_a_terminal_is_written_for_people() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours, "r") as shown, os.fdopen(theirs, "w") as stream:
        make_logger("auto", "info", stream, environ={}).info("envelope")
        assert shown.readline().endswith("level=info event=envelope\n")


def test_journald_that_reads_standard_error_is_sent_fields(tmp_path: Path, journald: Journald) -> None:
    with (tmp_path / "log").open("w") as stream:
        found = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        make_logger("auto", "info", stream, environ=environ, journal=journald.address).info("envelope")
        environ = {"JOURNAL_STREAM": "1:2"}
        make_logger("auto", "info", stream, environ=environ, journal=journald.address).info("stopped")
    assert [entry["RELAYGUARD_EVENT"] for entry in journald.entries()] == [b"envelope"]
    assert json.loads((tmp_path / "log").read_text())["event"] == "stopped"


def test_what_journald_does_not_take_is_written_in_json(tmp_path: Path) -> None:
    stream = StringIO()
    make_logger("journald", "info", stream, journal=str(tmp_path / "nobody")).info("envelope", size=1)
    assert json.loads(stream.getvalue())["size"] == 1


def test_a_line_that_cannot_be_written_costs_nothing_else() -> None:
    with Path("/dev/full").open("w", buffering=1) as stream:
        make_logger("json", "info", stream).info("envelope")
        # Nor does closing it: what was not written is forgotten.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class JournaledDaemon(Daemon):
    """The real daemon, with `journald` in journald's place."""

    def __init__(self, folder: Path, toml: str, journald: Journald) -> None:
        super().__init__(folder, toml, program=(JOURNAL_AT, journald.address))
        self._journald = journald
        self._entries: list[dict[str, bytes]] = []

    @property
    def log(self) -> list[dict[str, str]]:
        """The entries so far, named as lines are."""
        self._entries += self._journald.entries()
        return [
            {name.removeprefix("RELAYGUARD_").lower(): value.decode() for name, value in entry.items()}
            for entry in self._entries
        ]


def test_the_daemon_tells_journald_of_each_envelope(journald: Journald, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as folder:
        (folder / "relayguard.log").touch()
        found = (folder / "relayguard.log").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        address = f"unix:{folder}/milter.sock"
        with JournaledDaemon(folder, configuration(address, 53, "off", '"author"'), journald) as daemon:
            with MilterClient(address) as client:
                client.connect()
                client.helo()
                client.mail_from()
                client.rcpt_to()
                client.message(b"From: a@example.net\r\n\r\nbody\r\n", queue_id=b"4ABC")
            (line,) = daemon.await_events("envelope", 1)
            assert (line["queue_id"], line["decision"], line["worker"]) == ("4ABC", "accepted", "0")
        assert daemon.events("stopped") != []
        assert (folder / "relayguard.log").read_text() == ""
