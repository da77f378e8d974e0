import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard.app import build_filters
from relayguard.config import Config, ConfigError, parse
from relayguard.snapshot import DropIn, Snapshot, take
from relayguard.testing import some_services

SOURCE = """\
from relayguard import AddHeader, hookimpl

class Note:
    text = "{text}"

    @hookimpl
    def mail_from(self, envelope):
        yield AddHeader("X-Note", self.text)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "note.py").write_text(SOURCE.format(text="grüß dich"))
    return tmp_path


@pytest.fixture
def descriptor() -> Iterator[int]:
    opened = os.memfd_create("snapshot")
    yield opened
    os.close(opened)


def config_for(folder: Path, filters: str = '"note"', extra: str = "") -> Config:
    return parse(f'filters = [{filters}]\nplugin_directory = "{folder}"\n{extra}')


def problems_of(config: Config) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        take(config)
    return [str(problem) for problem in refused.value.problems]


def test_it_holds_the_text_of_each_drop_in_filter_that_is_named_and_of_no_other(folder: Path) -> None:
    (folder / "other.py").write_text("raise RuntimeError")
    assert take(config_for(folder, '"spf", "note"')).drop_ins == {
        "note": DropIn(path=str(folder / "note.py"), source=SOURCE.format(text="grüß dich"))
    }


def test_filters_of_every_listener_are_read(folder: Path) -> None:
    (folder / "other.py").write_text(SOURCE.format(text="other"))
    own = '[listener.a]\naddress = "inet:a:1"\n[listener.b]\naddress = "inet:a:2"\nfilters = ["other"]'
    assert list(take(config_for(folder, extra=own)).drop_ins) == ["note", "other"]


def test_without_a_folder_there_are_no_drop_in_filters() -> None:
    assert take(parse('filters = ["spf"]')).drop_ins == {}


def test_a_worker_runs_what_was_read_whatever_was_saved_since(folder: Path) -> None:
    snapshot = take(config_for(folder))
    (folder / "note.py").write_text(SOURCE.format(text="newer"))
    (note,) = build_filters(snapshot, some_services(), "default")
    assert vars(type(note.instance))["text"] == "grüß dich"
    (folder / "note.py").unlink()
    assert build_filters(snapshot, some_services(), "default")[0].name == "note"


def test_it_passes_through_a_descriptor_unchanged_and_can_be_read_by_many(folder: Path, descriptor: int) -> None:
    snapshot = take(
        config_for(
            folder,
            extra="""\
            trusted_relays = ["192.0.2.0/24", "2001:db8::/32"]
            [filter.note]
            mode = { incoming = "shadow" }
            limits = [1, 2.5, "three", true]
            since = 2026-01-31
            """,
        )
    )
    snapshot.write(descriptor)
    assert Snapshot.read(descriptor) == Snapshot.read(descriptor) == snapshot


def test_options_of_a_filter_may_be_infinite(folder: Path, descriptor: int) -> None:
    take(config_for(folder, extra="[filter.note]\nlimit = inf\nno = nan\n")).write(descriptor)
    table = Snapshot.read(descriptor).config.filter["note"]
    assert table["limit"] == math.inf
    assert math.isnan(table["no"])


def test_a_long_text_is_written_whole(folder: Path, descriptor: int) -> None:
    (folder / "note.py").write_text(SOURCE.format(text="ü" * 3_000_000))
    snapshot = take(config_for(folder))
    snapshot.write(descriptor)
    assert Snapshot.read(descriptor) == snapshot


def test_what_is_no_snapshot_is_refused(descriptor: int) -> None:
    os.write(descriptor, json.dumps({"config": {"surprise": 1}, "drop_ins": {}}).encode())
    with pytest.raises(ValueError, match="surprise"):
        Snapshot.read(descriptor)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problems_of(config_for(tmp_path / "missing")) == [
        f"plugin_directory: {tmp_path}/missing is not a directory"
    ]


def test_every_file_that_cannot_be_read_is_named_at_once(folder: Path) -> None:
    (folder / "latin.py").write_bytes("# grüß dich".encode("latin-1"))
    (folder / "loop.py").symlink_to(folder / "loop.py")
    (folder / "utf16.py").write_bytes("x = 1".encode("utf-16"))
    assert problems_of(config_for(folder, '"note", "latin", "utf16"')) == [
        f"filters: {folder}/latin.py is not UTF-8: byte 4",
        f"filters: {folder}/utf16.py is not UTF-8: byte 0",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read any file")
def test_a_file_without_permission_is_named(folder: Path) -> None:
    (folder / "note.py").chmod(0)
    assert problems_of(config_for(folder)) == [f"filters: {folder}/note.py cannot be read: Permission denied"]
