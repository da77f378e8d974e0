import sys
from pathlib import Path

import pytest

from relayguard.pipeline.discovery import FilterError, find_class, known_names
from relayguard.snapshot import DropIn

NOTE = """\
from dataclasses import dataclass
from relayguard import AddHeader, hookimpl, Session

@dataclass
class Options:
    text: str = "hello"

class {name}:
    @hookimpl
    def mail_from(self, session: Session):
        yield AddHeader("X-Note", "hello")
"""


def drop_in(folder: Path, name: str, text: str) -> DropIn:
    return DropIn(path=str(folder / f"{name}.py"), source=text)


def test_a_file_in_the_folder_is_a_filter(tmp_path: Path) -> None:
    cls = find_class("note", drop_in(tmp_path, "note", NOTE.format(name="Note")))
    assert cls.__name__ == "Note"
    assert cls.__module__ in sys.modules


def test_an_installed_package_provides_filters() -> None:
    assert find_class("spf").__name__ == "SpfFilter"


def test_a_file_in_the_folder_wins_over_an_installed_filter(tmp_path: Path) -> None:
    assert find_class("spf", drop_in(tmp_path, "spf", NOTE.format(name="MySpf"))).__name__ == "MySpf"


def test_known_names_are_those_of_packages_and_files(tmp_path: Path) -> None:
    (tmp_path / "note.py").write_text("raise RuntimeError")
    (tmp_path / "_private.py").write_text("")
    assert {"spf", "dkim", "dmarc", "author", "note"} <= known_names(tmp_path)
    assert "_private" not in known_names(tmp_path)
    assert known_names(tmp_path / "missing") == known_names(None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            NOTE.format(name="A") + NOTE.format(name="B"), "exactly one class with @hookimpl methods, not 2", id="two"
        ),
        pytest.param("class A: ...\n", "exactly one class with @hookimpl methods, not 0", id="none"),
        pytest.param("raise RuntimeError('no licence')", "does not load: RuntimeError: no licence", id="raises"),
        pytest.param("import nonsense_module", "does not load: ModuleNotFoundError", id="import"),
        pytest.param("def broken(:", "does not load: SyntaxError", id="syntax"),
    ],
)
def test_a_drop_in_that_does_not_load_says_why(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(FilterError) as refused:
        find_class("mine", drop_in(tmp_path, "mine", text))
    assert str(tmp_path / "mine.py") in str(refused.value)
    assert reason in str(refused.value)


def test_a_class_that_was_only_imported_is_not_the_filter(tmp_path: Path) -> None:
    text = "from relayguard_plugins.author import AuthorFilter\n" + NOTE.format(name="Mine")
    assert find_class("mine", drop_in(tmp_path, "mine", text)).__name__ == "Mine"


def test_a_filter_that_is_nowhere_says_where_it_was_sought() -> None:
    with pytest.raises(FilterError, match=r"no installed package provides it$"):
        find_class("nobody")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("lost:Class", "lost:Class does not load"),
        ("broken:Missing", "does not load"),
        ("broken:thing", "is not a class"),
    ],
)
def test_an_installed_filter_that_does_not_load_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, reason: str
) -> None:
    installed = tmp_path / "broken-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[relayguard.filters]\nbroken = {target}\n")
    (tmp_path / "broken.py").write_text("thing = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    with pytest.raises(FilterError, match=reason):
        find_class("broken")
