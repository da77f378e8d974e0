"""The dashboards in the repository: current, true to the metrics, and laid out so that nothing hides anything."""

import json
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from relayguard.dashboards import DOCS
from relayguard.dashboards.grafana import dashboards
from relayguard.dashboards.shipped import installed, rows_of
from tests.grafana.catalogue import labels_in, metrics, problems_of, samples, selectors_in, used_in
from tests.grafana.dashboards import DASHBOARDS, FOLDER, ROOT, expressions, panels
from tests.grafana.test_alerts import ALERTS

MONITORING = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

EVERY = pytest.mark.parametrize("name", DASHBOARDS)
EVERY_PANEL = pytest.mark.parametrize(
    ("name", "panel"), list(panels()), ids=[f"{name}: {panel['title']}" for name, panel in panels()]
)
EVERY_EXPRESSION = pytest.mark.parametrize(
    ("name", "title", "expression"), list(expressions()), ids=[f"{name}: {title}" for name, title, _ in expressions()]
)


def test_the_files_are_what_the_code_draws() -> None:
    drawn = dashboards(rows_of(installed()), DOCS)
    assert drawn.keys() == DASHBOARDS.keys()
    for name, dashboard in drawn.items():
        assert json.loads(json.dumps(dashboard)) == DASHBOARDS[name], "relayguard dashboards " + str(
            FOLDER.relative_to(ROOT)
        )


@EVERY_EXPRESSION
def test_an_expression_names_what_there_is(name: str, title: str, expression: str) -> None:
    assert not problems_of(expression)


def test_every_metric_is_drawn_or_alerted_on() -> None:
    used = {each for _, _, expression in expressions() for each in used_in(expression)}
    used |= {each for alert in ALERTS.values() for each in used_in(alert["expr"])}
    shown = {samples()[each].name for each in used if each in samples()}
    assert shown == set(metrics())


def test_the_page_has_a_row_for_each_metric_and_for_no_other() -> None:
    rows = {line for line in MONITORING.splitlines() if line.startswith("| `relayguard_")}
    assert rows == {
        f"| `{metric.name}` | {', '.join(name for name, _ in metric.labels)} | {metric.help} |"
        for metric in metrics().values()
    }


@EVERY_EXPRESSION
def test_one_host_can_be_looked_at_alone(name: str, title: str, expression: str) -> None:
    for _, matchers in selectors_in(expression):
        assert matchers["instance"] == ("=~", "$instance")


@EVERY_EXPRESSION
def test_series_are_called_by_labels_that_they_have(name: str, title: str, expression: str) -> None:
    panel = next(panel for file, panel in panels() if (file, panel["title"]) == (name, title))
    for target in panel["targets"]:
        shown = {part.partition("}}")[0] for part in target["legendFormat"].split("{{")[1:]}
        assert shown <= labels_in(target["expr"])


@EVERY_PANEL
def test_a_panel_has_a_unit_an_explanation_and_a_place_where_it_is_said_what_to_do(
    name: str, panel: dict[str, Any]
) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert len(panel["description"]) >= 40
    assert panel["description"].endswith(".")
    (link,) = panel["links"]
    address, _, anchor = link["url"].partition("#")
    assert address == DOCS
    assert f"\n### {DASHBOARDS[name]['title'].removeprefix('Relayguard: ')}\n" in MONITORING
    assert anchor == name.removesuffix(".json")
    assert panel["targets"]
    assert panel["datasource"]["uid"] == "${datasource}"


@EVERY
def test_panels_lie_beside_each_other_and_have_numbers_of_their_own(name: str) -> None:
    all_panels = DASHBOARDS[name]["panels"]
    places = [panel["gridPos"] for panel in all_panels]
    assert len({panel["id"] for panel in all_panels}) == len(all_panels)
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    assert all(one["y"] <= other["y"] for one, other in pairwise(places))


@EVERY
def test_a_dashboard_can_be_narrowed_to_what_its_expressions_ask_for(name: str) -> None:
    dashboard = DASHBOARDS[name]
    asked = {word for file, _, each in expressions() if file == name for word in re.findall(r"\$(?!__)(\w+)", each)}
    offered = [each["name"] for each in dashboard["templating"]["list"]]
    assert offered[:2] == ["datasource", "instance"]
    assert set(offered[1:]) == asked
    assert dashboard["schemaVersion"] >= 39
    assert dashboard["tags"] == ["relayguard"]


def test_each_dashboard_has_an_identity_of_its_own() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert all(len(dashboard["uid"]) <= 40 for dashboard in DASHBOARDS.values())


def test_grafana_is_told_where_they_are() -> None:
    import yaml

    provisioning: Path = ROOT / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "relayguard.yaml").read_text())["providers"]
    assert provider["options"]["path"].endswith(f"provisioning/dashboards/{FOLDER.name}")
    (source,) = yaml.safe_load((provisioning / "datasources" / "relayguard.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus"
