import os
from pathlib import Path

import pytest

from relayguard.testing.sendmail import Sendmail, SendmailError, unpack


@pytest.fixture
def no_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """APT on a machine that knows of no package."""
    lists = tmp_path / "lists"
    (lists / "partial").mkdir(parents=True)
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": str(lists),
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
    }
    configuration = tmp_path / "apt.conf"
    configuration.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    monkeypatch.setenv("APT_CONFIG", str(configuration))


def test_packages_that_cannot_be_had_are_told_of_with_what_apt_said(no_packages: None, tmp_path: Path) -> None:
    with pytest.raises(SendmailError, match=r"(?s)cannot be had; apt-get install said:.*sendmail-bin"):
        unpack(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_what_is_unpacked_already_is_not_fetched_again(no_packages: None, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    assert unpack(tmp_path / "root") == tmp_path / "root"


def test_a_folder_below_one_that_others_may_write_to_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with (
        pytest.raises(SendmailError, match=r"nothing below .*/open, where others may write: use /run"),
        Sendmail(tmp_path / "open" / "sendmail", tmp_path, "unix:/nowhere", ("example.com",)),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may start Sendmail: tests/integration does")
def test_without_root_it_says_what_to_do() -> None:
    with (
        pytest.raises(SendmailError, match="sudo"),
        Sendmail(Path("/run/rg-none"), Path("/nowhere"), "unix:/nowhere", ("example.com",)),
    ):
        pass
