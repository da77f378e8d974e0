"""The dashboards are what Grafana's own types say that a dashboard is."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.grafana.dashboards import DASHBOARDS, ROOT

MODULES = ROOT / ".make" / "grafana"
PACKAGES = ("@grafana/schema@13.2.3", "typescript@6")

# JSON has no enums: each is as good as the words or numbers that it stands for. The options of a panel are those of its type.
TYPES = """\
import type { AnnotationQuery, Dashboard, DataQuery, Panel, RowPanel } from '@grafana/schema';
import type { Options as timeseries } from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type { Options as stat } from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type { Options as bargauge } from './node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type { Options as table } from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';

type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Of<Name extends string, Options> = Omit<Plain<Panel>, 'type' | 'options'>
    & { type: Name, options: Partial<Plain<Options>> };
type AnyPanel = Of<'timeseries', timeseries> | Of<'stat', stat> | Of<'bargauge', bargauge> | Of<'table', table>;

export type Checked = Omit<Plain<Dashboard>, 'panels' | 'annotations'> & {
    panels: Array<AnyPanel | Plain<RowPanel>>,
    annotations: { list: Array<Plain<AnnotationQuery<DataQuery & { expr: string }>>> },
};
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which Grafana's types can be imported; they are fetched once for all runs."""
    if not (MODULES / "node_modules" / "@grafana" / "schema").is_dir():
        MODULES.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *PACKAGES],
            cwd=MODULES,
            check=True,
            timeout=300,
        )
    folder = tmp_path_factory.mktemp("schema")
    (folder / "node_modules").symlink_to(MODULES / "node_modules")
    (folder / "types.ts").write_text(TYPES)
    yield folder
    shutil.rmtree(folder)


def check(folder: Path, *names: str) -> str:
    options = ("--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler")
    done = subprocess.run(
        [str(MODULES / "node_modules" / ".bin" / "tsc"), *options, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def write(folder: Path, name: str, dashboard: object) -> str:
    file = name.replace(".json", ".ts")
    text = f"import type {{ Checked }} from './types';\nexport const dashboard: Checked = {json.dumps(dashboard)};\n"
    (folder / file).write_text(text)
    return file


def test_each_of_them_has_the_type_of_a_dashboard(folder: Path) -> None:
    files = [write(folder, name, dashboard) for name, dashboard in DASHBOARDS.items()]
    assert check(folder, *files) == ""


WRONG: dict[str, dict[str, object]] = {
    "a_text": {"schemaVersion": "41"},
    "a_word": {"nonsense": 1},
    "a_variable": {"templating": {"list": [{"name": "x", "type": "queery"}]}},
    "an_option": {"panels": [{"type": "stat", "title": "x", "options": {"graphMode": "arena"}}]},
    "a_field": {
        "panels": [{"type": "stat", "options": {}, "fieldConfig": {"defaults": {"min": "0"}, "overrides": []}}]
    },
}


def test_what_is_no_dashboard_is_found_out(folder: Path) -> None:
    files = [write(folder, f"{name}.json", DASHBOARDS["overview.json"] | wrong) for name, wrong in WRONG.items()]
    found = {line.partition(".ts(")[0] for line in check(folder, *files).splitlines() if "error TS" in line}
    assert found == set(WRONG)
