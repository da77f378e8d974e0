"""No message costs another number of calls than its budget: a guard against slow mail that looks at no clock."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.budget.count import MESSAGES

ROOT = Path(__file__).parent.parent.parent
BUDGET = Path(__file__).parent / "budget.toml"
WRITES_IT = "python -m tests.budget --write"

Table = dict[str, dict[str, dict[str, int]]]

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 11),
    reason="calls are counted with CPython 3.11, as others tell of other calls",
)


def counted(hash_seed: str) -> Table:
    done = subprocess.run(
        [sys.executable, "-m", "tests.budget"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return tomllib.loads(done.stdout)


@pytest.fixture(scope="module")
def now() -> Table:
    return counted("1")


def complaint(budget: Table, found: Table) -> str:
    """What is to be done about each number that is not the budget's."""
    lines = []
    for way, messages in found.items():
        for name, calls in messages.items():
            for language, count in calls.items():
                planned = budget.get(way, {}).get(name, {}).get(language)
                if planned is not None and count > planned:
                    lines.append(
                        f"{way}: {name}: {count} {language} calls, more than {planned}: if this is meant, say {count}"
                    )
                elif count != planned:
                    lines.append(
                        f"{way}: {name}: {count} {language} calls, not {planned}: keep what was won, say {count}"
                    )
    if budget.keys() != found.keys():
        lines.append(f"the budget is for {sorted(budget)}, counted were {sorted(found)}")
    return "\n".join([*lines, f"all at once: {WRITES_IT}"]) if lines else ""


def test_each_message_costs_as_many_calls_as_its_budget_says(now: Table) -> None:
    told = complaint(tomllib.loads(BUDGET.read_text()), now)
    assert not told, "\n" + told


def test_every_kind_of_message_has_a_budget(now: Table) -> None:
    assert all(list(messages) == list(MESSAGES) for messages in now.values())
    assert all(calls["python"] > 100 and calls["c"] > 100 for messages in now.values() for calls in messages.values())


def test_calls_depend_on_no_order_of_hashes(now: Table) -> None:
    assert counted("2") == now


@pytest.mark.parametrize(("count", "advice"), [(101, "if this is meant, say 101"), (99, "keep what was won, say 99")])
def test_who_changes_the_cost_is_told_what_to_write(count: int, advice: str) -> None:
    budget = {"engine": {"2K": {"python": 100}}}
    told = complaint(budget, {"engine": {"2K": {"python": count}}})
    assert advice in told
    assert WRITES_IT in told
    assert not complaint(budget, budget)
