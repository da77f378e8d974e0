"""The structure of the house: which way imports point, how long things are, and that tests mirror the tree."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "relayguard").rglob("*.py")) + sorted((ROOT / "plugins").rglob("*.py"))

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"core"}),
    frozenset({"authentication_results", "hookspecs", "services", "files", "config", "snapshot", "log"}),
    frozenset({"pipeline"}),
    frozenset({"milter", "metrics", "dns", "stores", "dashboards"}),
    frozenset({"app"}),
    frozenset({"daemon", "rehearsal", "testing", "top"}),
    frozenset({"demo"}),
    frozenset({"cli"}),
)
"""Each may import what stands in its own layer or above it in this list, and nothing below.

`testing` stands high: its milter client needs the protocol's codec, its servers the daemon.
"""

ALLOWED_BESIDES_STDLIB_IN_CORE = frozenset({"idna"})

LOCKED = "relayguard/core/body.py"
"""It alone in core knows of threads: a hook that is late may still read a body."""

WHOLE = {
    "relayguard/demo": "run whole by tests/integration/test_demo.py",
    "relayguard/__main__.py": "run by every test that starts the daemon",
    "relayguard/dashboards": "drawn whole, and asked of a real Prometheus, by tests/grafana",
    "plugins/relayguard_plugins/spoof/panels.py": "as above",
    "plugins/examples": "run by tests/test_examples.py",
}
"""What needs no mirrored test, and why."""

BROAD_EXCEPTS = {
    "relayguard/pipeline/dispatch.py": 2,
    "relayguard/pipeline/discovery.py": 2,
    "relayguard/pipeline/hold.py": 1,
    "relayguard/pipeline/refreshing.py": 2,
    "relayguard/pipeline/threads.py": 1,
    "relayguard/milter/dialogue.py": 1,
    "relayguard/milter/libmilter.py": 1,
    "relayguard/milter/wire.py": 1,
    "relayguard/app.py": 1,
    "relayguard/daemon/reloading.py": 1,
}
"""Where anything may be caught: around a stranger's code, at the edge to the MTA, and where the old generation serves on."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "relayguard")


def layer_of(part: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if part in layer)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] != "relayguard" or len(parts) < 2 or parts[1] in ("__init__", "__main__"):
        return
    own = layer_of(parts[1])
    for name in imports(path):
        pieces = name.split(".")
        if pieces[0] == "relayguard" and len(pieces) > 1 and pieces[1] != "__version__":
            assert layer_of(pieces[1]) <= own, f"{relative(path)} must not import {name}"
        assert pieces[0] != "relayguard_plugins", f"the framework imports no filter: {relative(path)}"


@pytest.mark.parametrize("path", [p for p in SOURCES if "core" in p.parts], ids=relative)
def test_core_is_pure(path: Path) -> None:
    allowed = sys.stdlib_module_names | {"relayguard"} | ALLOWED_BESIDES_STDLIB_IN_CORE
    foreign = {name.split(".")[0] for name in imports(path)} - allowed
    forbidden = {"socket", "time", "asyncio", "os"} | (set() if relative(path) == LOCKED else {"threading"})
    assert not foreign | (forbidden & {name.split(".")[0] for name in imports(path)})


@pytest.mark.parametrize("path", [p for p in SOURCES if "relayguard_plugins" in p.parts], ids=relative)
def test_a_filter_uses_only_public_names_and_other_standards_pure_modules(path: Path) -> None:
    for name in imports(path):
        if name.split(".")[0] == "relayguard":
            assert name.count(".") == 0 or name.rsplit(".", 1)[0] == "relayguard", f"{name} is not public"
        own = path.parent.name
        if name.startswith("relayguard_plugins.") and name.split(".")[1] != own:
            assert not name.endswith(".filter"), f"{relative(path)} imports another filter"


def test_only_one_module_knows_pymilter() -> None:
    assert [relative(path) for path in SOURCES if "milter" in set(imports(path))] == [
        "relayguard/milter/libmilter.py"
    ]


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=relative)
def test_each_module_has_its_mirrored_test(path: Path) -> None:
    if any(relative(path).startswith(prefix) for prefix in WHOLE):
        return
    inside = path.relative_to(ROOT / "plugins") if "plugins" in path.parts else path.relative_to(ROOT)
    mirrored = ROOT / "tests" / inside.parent / f"test_{path.name}"
    assert mirrored.is_file(), f"write {relative(mirrored)}"


def test_each_mirrored_test_has_its_module() -> None:
    for folder in ("relayguard", "relayguard_plugins"):
        for test in (ROOT / "tests" / folder).rglob("test_*.py"):
            inside = test.relative_to(ROOT / "tests")
            module = inside.parent / inside.name.removeprefix("test_")
            found = (ROOT / module, ROOT / "plugins" / module)
            assert any(path.is_file() for path in found), f"{relative(test)} tests nothing that is there"


def test_modules_are_short() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert max(lengths.values()) <= 400, max(lengths, key=lambda name: lengths[name])
    assert median(lengths.values()) <= 130


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            assert length <= 45, f"{relative(path)}: {node.name} has {length} lines"


def catches_anything(handler: ast.ExceptHandler) -> bool:
    if isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None:
        # It cleans up and passes on.
        return False
    return handler.type is None or ast.unparse(handler.type) in ("Exception", "BaseException", "_ANYTHING")


def test_anything_is_caught_only_where_it_must_be() -> None:
    found: dict[str, int] = {}
    for path in SOURCES:
        handlers = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler))
        broad = sum(map(catches_anything, handlers))
        if broad:
            found[relative(path)] = broad
    assert found == BROAD_EXCEPTS


def test_importing_the_public_names_loads_no_filter_and_no_library_of_theirs() -> None:
    program = "import sys, relayguard; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"relayguard_plugins", "milter", "spf", "dkim", "dns", "pydantic", "cryptography"} & set(loaded)
