import json
from pathlib import Path

from tests.grafana.dashboards import DASHBOARDS
from tests.relayguard.cli.conftest import Run
from tests.test_docs import block

ROOT = Path(__file__).parents[3]


def test_those_of_all_installed_filters_are_written(relayguard: Run, tmp_path: Path) -> None:
    done = relayguard("dashboards", tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stderr
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "new" / "folder").iterdir()}
    assert written == DASHBOARDS


def test_a_drop_in_filter_ships_panels_of_its_own(relayguard: Run, tmp_path: Path) -> None:
    (tmp_path / "counted.py").write_text(block("python", "counted.py", (ROOT / "docs" / "monitoring.md").read_text()))
    config = tmp_path / "relayguard.toml"
    config.write_text(f'authserv_id = "mx.example.com"\nplugin_directory = "{tmp_path}"\nfilters = ["counted"]\n')
    done = relayguard("dashboards", "--config", config, "--docs", "https://wiki.example.com/mail", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "filters-and-performance.json").read_text()
    assert "Senders without a name" in text
    assert "https://wiki.example.com/counted" in text
    assert "https://wiki.example.com/mail#filters-and-performance" in text
    # What does not run here has no dashboard.
    assert not (tmp_path / "out" / "spoofing.json").exists()


def test_what_are_no_rows_is_said(relayguard: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "from relayguard import hookimpl\nclass Wrong:\n    rows = [1]\n    @hookimpl\n    def helo(self): pass\n"
    )
    config = tmp_path / "relayguard.toml"
    config.write_text(f'authserv_id = "mx.example.com"\nplugin_directory = "{tmp_path}"\nfilters = ["wrong"]\n')
    done = relayguard("dashboards", "--config", config, tmp_path / "out")
    assert done.returncode == 1
    assert "'rows' must be a sequence of relayguard.panels.Row" in done.stderr
