"""The dashboards as they are committed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "provisioning" / "dashboards" / "relayguard"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel that draws something, and the file that it is in."""
    for name, dashboard in DASHBOARDS.items():
        yield from ((name, panel) for panel in dashboard["panels"] if panel["type"] != "row")


def expressions() -> Iterator[tuple[str, str, str]]:
    """The file, the title and the expression of each query."""
    for name, panel in panels():
        yield from ((name, panel["title"], target["expr"]) for target in panel["targets"])
