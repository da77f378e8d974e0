import asyncio
import sys
from pathlib import Path

import pytest

from relayguard.daemon import checking
from relayguard.daemon.checking import CheckError, check
from relayguard.snapshot import Snapshot

COMMAND = (sys.executable, "-P", "-m", "relayguard")


def checked(folder: Path, text: str, drop_in: str = "") -> Snapshot:
    (folder / "mine.py").write_text(drop_in)
    path = folder / "relayguard.toml"
    path.write_text(f'authserv_id = "mx.example.com"\nplugin_directory = "{folder}"\n{text}')
    return asyncio.run(check(COMMAND, path))


def problems(folder: Path, text: str, drop_in: str = "") -> str:
    with pytest.raises(CheckError) as refused:
        checked(folder, text, drop_in)
    return "\n".join(refused.value.problems)


def test_a_configuration_without_errors_comes_back_with_its_drop_ins(tmp_path: Path) -> None:
    drop_in = "from relayguard import hookimpl\nclass Mine:\n    @hookimpl\n    def connect(self): ...\n"
    snapshot = checked(tmp_path, 'filters = ["mine"]', drop_in)
    assert snapshot.config.filters == ("mine",)
    assert snapshot.drop_ins["mine"].source == drop_in


def test_all_errors_come_back_as_lines_for_the_operator(tmp_path: Path) -> None:
    said = problems(tmp_path, 'filters = ["spf", "nothing"]\n[filter.spf]\ntimeuot = 1\n[dns]\ntimeout = 99')
    assert f"{tmp_path}/relayguard.toml: dns.timeout: " in said
    assert "there is no filter 'nothing'" in said
    assert "(did you mean 'timeout'?)" in said


@pytest.mark.parametrize(
    ("drop_in", "said"),
    [
        pytest.param("raise RuntimeError('no licence')", "RuntimeError: no licence", id="raises"),
        pytest.param("import sys; sys.exit(0)", "SystemExit: 0", id="exits"),
        pytest.param("import os; os._exit(0)", "the check ended with status 0", id="ends the process"),
        pytest.param("import os, signal; os.kill(os.getpid(), 11)", "the check ended with status -11", id="crashes"),
    ],
)
def test_a_filter_that_spoils_the_check_is_an_error_and_no_more(tmp_path: Path, drop_in: str, said: str) -> None:
    assert said in problems(tmp_path, 'filters = ["mine"]', drop_in)


def test_a_check_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CHECK_SECONDS", 1.0)
    said = problems(tmp_path, 'filters = ["mine"]', "import time; time.sleep(60)")
    assert said.endswith("the check was not done after 1 s")


def test_a_check_that_hangs_with_a_child_of_its_own_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHECK_SECONDS", 1.0)
    drop_in = "import subprocess, time\nsubprocess.Popen(['sleep', '60'])\ntime.sleep(60)"
    assert problems(tmp_path, 'filters = ["mine"]', drop_in).endswith("the check was not done after 1 s")


def test_what_another_version_has_checked_is_not_taken(tmp_path: Path) -> None:
    foreign = tmp_path / "newer"
    foreign.write_text(
        '#!/bin/sh\neval "fd=\\${$#}"; printf \'{"config": {"new_option": 1}, "drop_ins": {}}\' > /dev/fd/$fd\n'
    )
    foreign.chmod(0o755)
    with pytest.raises(CheckError, match="another version of Relayguard was installed meanwhile: restart the daemon"):
        asyncio.run(check((str(foreign),), tmp_path / "relayguard.toml"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"nowhere\.toml: cannot be read: No such file"):
        asyncio.run(check(COMMAND, tmp_path / "nowhere.toml"))


def test_a_program_that_cannot_be_started_is_an_error_and_no_exception(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="cannot be checked: No such file"):
        asyncio.run(check(("/nonexistent/python",), tmp_path / "relayguard.toml"))
