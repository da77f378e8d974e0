"""Writes rows of panels as dashboards in Grafana's classic JSON (`@grafana/schema`, Dashboard, schemaVersion 39, of which newer Grafanas make theirs)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from string import ascii_uppercase
from typing import Any

from relayguard.core.panels import INSTANCE, Panel, Query, Row, Shape

Json = dict[str, Any]

_SCHEMA = 39
_WIDTH, _HEIGHT, _THIRD, _SMALL = 24, 8, 8, 4
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_ALL = {"text": "All", "value": "$__all"}
_GREEN, _ORANGE, _RED = "green", "orange", "red"

_ROLES = 'label_values(relayguard_envelopes_begun_total{instance=~"$instance"}, role)'
_LISTENERS = 'label_values(relayguard_connections_total{instance=~"$instance"}, listener)'
_VARIABLES = (
    ("instance", "label_values(relayguard_build_info, instance)"),
    ("listener", _LISTENERS),
    ("role", _ROLES),
)
"""What a dashboard can be narrowed to, wherever its expressions ask for it."""

_OPTIONS: Mapping[Shape, Json] = {
    Shape.LINES: {
        "legend": {
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
            "calcs": ["lastNotNull", "max"],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    Shape.NUMBER: {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background",
        "graphMode": "area",
        "textMode": "auto",
        "orientation": "auto",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    Shape.BARS: {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
        "namePlacement": "auto",
        "sizing": "auto",
        "valueMode": "color",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    },
    Shape.TABLE: {"showHeader": True, "cellHeight": "sm"},
}


def dashboards(rows: Iterable[Row], docs: str) -> dict[str, Json]:
    """Return the dashboards that `rows` are for, by file name. `docs` is the address of docs/monitoring.md."""
    by_title: dict[str, list[Row]] = {}
    for row in rows:
        by_title.setdefault(row.dashboard, []).append(row)
    return {f"{_slug(title)}.json": _dashboard(title, own, docs) for title, own in by_title.items()}


def _slug(title: str) -> str:
    return re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")


def _dashboard(title: str, rows: Sequence[Row], docs: str) -> Json:
    return {
        # Grafana keeps a dashboard by it, whatever it is called.
        "uid": f"relayguard-{_slug(title)}"[:40],
        "title": f"Relayguard: {title}",
        "tags": ["relayguard"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), *(_variable(*each) for each in _used(rows))]},
        "annotations": {"list": [_reloads()]},
        "links": [
            _link("Relayguard", tags=["relayguard"]),
            _link("What to do", url=f"{docs}#{_slug(title)}"),
        ],
        "panels": list(_laid_out(rows, docs)),
    }


def _used(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    expressions = [query.expression for row in rows for panel in row.panels for query in panel.queries]
    return ((name, values) for name, values in _VARIABLES if any(f"${name}" in each for each in expressions))


def _source() -> Json:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1}


def _variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": _ALL,
    }


def _reloads() -> Json:
    expression = f"changes(relayguard_generation{{{INSTANCE}}}[$__rate_interval]) > 0"
    return {
        "name": "Reloads",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "blue",
        "target": {"expr": expression, "refId": "Reloads"},
    }


def _link(title: str, *, tags: Sequence[str] = (), url: str = "") -> Json:
    return {
        "title": title,
        "type": "link" if url else "dashboards",
        "url": url,
        "tags": list(tags),
        "icon": "doc" if url else "external link",
        "tooltip": "",
        "asDropdown": not url,
        "includeVars": not url,
        "keepTime": not url,
        "targetBlank": bool(url),
    }


def _laid_out(rows: Sequence[Row], docs: str) -> Iterator[Json]:
    """Place the panels of each row below its title from left to right, as many as fit."""
    numbers, top = count(1), 0
    for row in rows:
        yield {
            "id": next(numbers),
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": top},
            "panels": [],
        }
        left, top = 0, top + 1
        height = 0
        for panel in row.panels:
            wide, high = _size(panel)
            if left + wide > _WIDTH:
                left, top, height = 0, top + height, 0
            place = {"h": high, "w": wide, "x": left, "y": top}
            yield _panel(panel, next(numbers), place, _explained(row, docs))
            left, height = left + wide, max(height, high)
        top += height


def _size(panel: Panel) -> tuple[int, int]:
    if panel.shape is Shape.NUMBER:
        return _SMALL, _SMALL
    return (_WIDTH if panel.wide else _THIRD), _HEIGHT


def _explained(row: Row, docs: str) -> str:
    if "://" in row.docs:
        return row.docs
    return f"{docs}#{row.docs or _slug(row.dashboard)}"


def _panel(panel: Panel, number: int, place: Json, docs: str) -> Json:
    return {
        "id": number,
        "type": panel.shape.value,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "gridPos": place,
        "links": [_link("What to do", url=docs)],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _OPTIONS[panel.shape],
        "targets": [_target(panel, query, name) for query, name in zip(panel.queries, ascii_uppercase, strict=False)],
    }


def _field(panel: Panel) -> Json:
    field: Json = {"unit": panel.unit.value, "min": 0, "noValue": "none" if panel.quiet else "no data"}
    if panel.warn is not None or panel.alarm is not None:
        field |= {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": _steps(panel)}}
    elif panel.shape is Shape.NUMBER:
        field["color"] = {"mode": "fixed", "fixedColor": "blue"}
    if panel.shape is Shape.LINES:
        field["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if "thresholds" in field else "off"},
        }
        # A line keeps the colour of its series; the thresholds are drawn as lines of their own.
        field["color"] = {"mode": "palette-classic"}
    return field


def _steps(panel: Panel) -> list[Json]:
    """The first step has no value: it begins at minus infinity."""
    bounds = [(value, color) for value, color in ((panel.warn, _ORANGE), (panel.alarm, _RED)) if value is not None]
    if not panel.low:
        return [{"color": _GREEN, "value": None}, *({"color": color, "value": value} for value, color in bounds)]
    # Below `alarm` red, below `warn` orange.
    colors = [color for _, color in reversed(bounds)] + [_GREEN]
    values = [None, *sorted(value for value, _ in bounds)]
    return [{"color": color, "value": value} for color, value in zip(colors, values, strict=True)]


def _target(panel: Panel, query: Query, name: str) -> Json:
    target: Json = {
        "refId": name,
        "datasource": _SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "editorMode": "code",
        "range": panel.shape is Shape.LINES,
        "instant": panel.shape is not Shape.LINES,
    }
    if panel.shape is Shape.TABLE:
        target["format"] = "table"
    return target
