"""Whether what a subject writes into Authentication-Results is true of the corpus."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.corpus import SIZES, Case, expected
from bench.places import CORPUS
from bench.results import Verdicts
from bench.running import Running

_FIELDS = frozenset({"authentication-results"})
_METHODS = ("spf", "dkim", "dmarc")
_BROKEN = frozenset({"fail", "policy", "neutral", "permerror"})
_SHOWN = 8
FOUR_SIZES = tuple(SIZES)


def check(running: Running, directory: Path, sets: Iterable[str]) -> Verdicts:
    """Send every message of these sets, and compare."""
    names = ",".join(sets)
    dump = directory / f"{running.directory.name}.dump"
    cases = {name: case for name, case in expected(CORPUS).items() if case.set in names.split(",")}
    running.load(names, concurrency=4, messages=len(cases), dump=dump)
    lines = (json.loads(line) for line in dump.read_text().splitlines())
    found = {line["id"]: added_fields(line["mods"]) for line in lines}
    return compare(running.subject.name, names, cases, found)


def compare(subject: str, sets: str, cases: Mapping[str, Case], found: Mapping[str, Iterable[str]]) -> Verdicts:
    """Compare what is expected with the Authentication-Results that were added, by message."""
    shown = {name: verdicts_of(found.get(name, ())) for name in cases}
    # What it says nothing of in any message, it does not check.
    methods = [method for method in _METHODS if any(each[method] != "none" for each in shown.values())]
    wrong = [
        f"{name}: {method} is {shown[name][method]}, not {getattr(case, method)}"
        for name, case in cases.items()
        for method in methods
        if not _agrees(case, method, getattr(case, method), shown[name][method])
    ]
    checked = len(cases) * len(methods)
    return Verdicts(
        subject=subject, sets=sets, right=checked - len(wrong), checked=checked, wrong=tuple(wrong[:_SHOWN])
    )


def added_fields(changes: Iterable[list[Any]]) -> list[str]:
    """Return the values of the Authentication-Results fields that a chain of milters added."""
    return [value for _, action, _, name, value in changes if action in "hi" and name.lower() in _FIELDS]


def verdicts_of(fields: Iterable[str]) -> dict[str, str]:
    """Read SPF, DKIM and DMARC verdicts; of several DKIM results one pass is a pass. What is not there is ``none``."""
    found: dict[str, list[str]] = {method: [] for method in _METHODS}
    for result in (part for field in fields for part in _plain(field).split(";")):
        matched = re.match(r"\s*(spf|dkim|dmarc)\s*=\s*([a-z]+)", result)
        # An SPF result of the HELO name alone says nothing of the sender.
        if matched and not ("smtp.helo" in result and "smtp.mailfrom" not in result):
            found[matched[1]].append(matched[2])
    return {
        "spf": next(reversed(found["spf"]), "none"),
        "dkim": "pass" if "pass" in found["dkim"] else next(iter(found["dkim"]), "none"),
        "dmarc": next(reversed(found["dmarc"]), "none"),
    }


def _plain(field: str) -> str:
    """Leave out comments and quoted strings."""
    text = re.sub(r'"[^"]*"', '""', re.sub(r"\s+", " ", field)).lower()
    while True:
        shorter = re.sub(r"\([^()]*\)", " ", text)
        if shorter == text:
            return text
        text = shorter


def _agrees(case: Case, method: str, wanted: str, shown: str) -> bool:
    if method == "dkim" and case.kind == "broken":
        return shown in _BROKEN
    return shown == wanted
