import time
from pathlib import Path

from relayguard.cli.counters import when
from tests.relayguard.cli.conftest import Run


def test_a_time_of_today_has_no_date_and_another_has() -> None:
    noon = time.mktime((*time.localtime()[:3], 12, 0, 0, 0, 0, -1))
    assert when(noon) == "12:00:00"
    assert len(when(noon + 3 * 86400)) == len("2026-11-26 12:00")


def test_a_configuration_that_is_wrong_is_told_of(relayguard: Run, tmp_path: Path) -> None:
    path = tmp_path / "relayguard.toml"
    path.write_text('filters = ["ratelimit"]\n[[filter.ratelimit.rule]]\nname = "a"\nlimit = "b"\nkey = ["login"]\n')
    for command in (["list"], ["top"]):
        refused = relayguard("limits", *command, "-c", str(path))
        assert refused.returncode == 78
        assert "filter.ratelimit.rule.0: a: limit 'b': write such as" in refused.stderr
