"""Every event that is logged stands in docs/monitoring.md with its level, and nothing else does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from relayguard.log.journal import NAMESPACE, message_id

ROOT = Path(__file__).parent.parent
LOGS = re.split(r"^## ", (ROOT / "docs" / "monitoring.md").read_text(), flags=re.MULTILINE)
LEVELS = {"debug", "info", "warning", "error"}


def section() -> str:
    return next(text for text in LOGS if text.startswith("Logs\n"))


def pairs(function: ast.expr, event: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a call may call, and with which event, where conditions decide over one or both."""
    match function, event:
        case ast.IfExp(), ast.IfExp() if ast.unparse(function.test) == ast.unparse(event.test):
            yield from pairs(function.body, event.body)
            yield from pairs(function.orelse, event.orelse)
        case ast.IfExp(), _:
            yield from pairs(function.body, event)
            yield from pairs(function.orelse, event)
        case _, ast.IfExp():
            yield from pairs(function, event.body)
            yield from pairs(function, event.orelse)
        case _:
            yield function, event


def logs(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LEVELS
        and ast.unparse(function.value).endswith("logger")
    )


def logged() -> dict[str, set[str]]:
    """The events in the code, and the levels that each may have."""
    found: dict[str, set[str]] = {}
    for path in [*(ROOT / "relayguard").rglob("*.py"), *(ROOT / "plugins" / "relayguard_plugins").rglob("*.py")]:
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and node.args)
        for function, event in (pair for call in calls for pair in pairs(call.func, call.args[0])):
            if logs(function):
                assert isinstance(function, ast.Attribute)
                assert isinstance(event, ast.Constant), f"{path}:{event.lineno}: write the event's name there"
                found.setdefault(str(event.value), set()).add(function.attr)
    return found


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `([^`]+)` \| ([a-z, ]+) \| .+ \|$", section(), re.MULTILINE)
    assert len(dict(rows)) == len(rows), "an event has two rows"
    return {event: set(levels.split(", ")) for event, levels in rows}


def test_the_table_of_events_has_a_row_for_each_event_in_the_code_and_no_other() -> None:
    assert documented() == logged()


def test_the_ids_of_events_are_those_that_the_page_tells() -> None:
    assert str(NAMESPACE) in section()
    assert f"MESSAGE_ID={message_id('envelope')}" in section()
