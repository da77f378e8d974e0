"""The alerts: true to the metrics, explained, and each of them tried by promtool."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from relayguard.dashboards import DOCS
from tests.grafana.catalogue import problems_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "grafana" / "prometheus" / "relayguard.rules.yml"
TRIED = Path(__file__).parent / "alerts.test.yml"
MONITORING = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]
}
EVERY = pytest.mark.parametrize("name", ALERTS)


@EVERY
def test_an_alert_names_what_there_is(name: str) -> None:
    assert not problems_of(ALERTS[name]["expr"])


@EVERY
def test_an_alert_leads_to_what_to_do(name: str) -> None:
    assert ALERTS[name]["annotations"]["runbook_url"] == f"{DOCS}#{name.lower()}"
    assert f"\n#### {name}\n" in MONITORING
    assert ALERTS[name]["labels"]["severity"] in {"warning", "critical"}


def test_the_page_explains_no_alert_that_is_not_there() -> None:
    explained = {line.removeprefix("#### ") for line in MONITORING.splitlines() if line.startswith("#### Relayguard")}
    assert explained == set(ALERTS)


def test_each_alert_is_tried_both_ways() -> None:
    tried: dict[str, set[bool]] = {}
    for test in yaml.safe_load(TRIED.read_text())["tests"]:
        for each in test["alert_rule_test"]:
            tried.setdefault(each["alertname"], set()).add(bool(each.get("exp_alerts")))
    assert tried == {name: {True, False} for name in ALERTS}


def test_promtool_finds_that_they_fire_when_they_should() -> None:
    for command in (["check", "rules", str(FILE)], ["test", "rules", str(TRIED)]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr
