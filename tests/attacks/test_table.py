"""The table as a whole: nothing of it is forgotten, and no row is excused without a reason."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.attacks.cases import FILE, LEVELS, cases, reachable, unreachable

ROOT = Path(__file__).parents[2]


def numbered(prefix: str, last: int, digits: int = 2) -> list[str]:
    return [f"{prefix}{number:0{digits}}" for number in range(1, last + 1)]


IDS = [
    *numbered("E-S", 19),
    *numbered("E-C", 3, 1),
    *numbered("D-", 14),
    *numbered("P-", 13),
    *numbered("M-", 16),
    *numbered("R-", 8),
    *numbered("AR-", 8),
    *numbered("L-", 10),
    *numbered("RP-", 6),
    *numbered("W-A", 14, 1),
]
"""The attack table's ids."""

ELSEWHERE, LATER = FILE["elsewhere"], FILE["later"]
OTHER_WORK = {"a DNS budget", "reports", "submission", "signing", "doctor"}


def family(row_id: str) -> str:
    """The table's id of a row: what stands before a suffix."""
    found = re.match(r"(?:E-[SC]|D-|P-|M-|R-|AR-|L-|RP-|W-A)\d+(?=-|\Z)", row_id)
    assert found is not None, row_id
    return found[0]


def test_every_attack_is_a_case_or_shown_elsewhere_or_left_for_later_and_only_one_of_them() -> None:
    kinds = [{family(row["id"]) for row in FILE[kind]} for kind in ("case", "elsewhere", "later")]
    present = Counter(each for kind in kinds for each in kind)
    assert set(present) == set(IDS), f"missing {set(IDS) - set(present)}, unknown {set(present) - set(IDS)}"
    assert set(present.values()) == {1}, present.most_common(3)


def test_no_id_is_given_twice() -> None:
    ids = [row["id"] for kind in ("case", "elsewhere", "later") for row in FILE[kind]]
    assert len(ids) == len(set(ids)), Counter(ids).most_common(1)


@pytest.mark.parametrize("row", LATER, ids=lambda row: row["id"])
def test_what_is_left_for_later_says_for_what_and_why(row: dict[str, str]) -> None:
    assert row.keys() == {"id", "belongs_to", "reason"}
    assert row["belongs_to"] in OTHER_WORK
    assert row["reason"]


@pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: row["id"])
def test_what_is_shown_elsewhere_is_there(row: dict[str, list[str]]) -> None:
    assert row.keys() in ({"id", "about", "tests"}, {"id", "about", "rows"})
    for test in row.get("tests", []):
        path, _, name = test.partition("::")
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), test
    ids = {case.id for case in cases("pure")}
    assert set(row.get("rows", [])) <= ids


def test_only_postfix_is_an_excuse_and_each_has_its_reason() -> None:
    assert [case for level in LEVELS if level != "mta" for case in unreachable(level)] == []
    assert all(case.unreachable["mta"] for case in unreachable("mta"))
    assert len(reachable("mta")) + len(unreachable("mta")) == len(FILE["case"])
