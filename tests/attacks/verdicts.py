"""What became of a row, in one shape for all levels, and the comparison with what the row expects."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from relayguard import Reported
from relayguard_plugins.spoof.signals import Signal
from tests.attacks.cases import Case

Words = frozenset[str]
"""One entry of Authentication-Results: ``method=value``, its properties, and ``reason=...``."""

_COMMENT = re.compile(r"\A(\S+) \([^)]*\)(?= )")
_RESULT = re.compile(r"(?P<described>.*?)(?: \((?P<reason>.*)\))?", re.DOTALL)
_PROPERTY = re.compile(r" (?=[a-z]+\.[a-z-]+=)")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of a row: its results, decisions and signals, the reply to the client, and the DNS names asked for.

    `deleted` are the Authentication-Results fields that went, from 1, and `stripped` the names of others; None where
    the message did not go on.
    """

    results: list[Words]
    decision: str
    would_be: str
    reply: str
    asked: frozenset[str]
    signals: frozenset[str]
    deleted: tuple[int, ...] | None
    stripped: tuple[str, ...] | None


def is_results(name: str) -> bool:
    return name.lower() == "authentication-results"


def words_of(entry: Reported) -> Words:
    properties = {f"{ptype}.{name}={value}" for ptype, name, value in entry.properties}
    return frozenset({f"{entry.method}={entry.value}", *properties, f"reason={entry.reason}"})


def words_in(line: str) -> Words:
    """The words of a result as the log has it: ``spf=none (comment) smtp.mailfrom=a@example.com (reason)``."""
    found = _RESULT.fullmatch(_COMMENT.sub(r"\1", line, count=1))
    assert found is not None
    return frozenset({*_PROPERTY.split(found["described"]), f"reason={found['reason']}"})


def signals_in(line: Mapping[str, Any]) -> frozenset[str]:
    """The signals in the notes of a log line: ``lookalike (strong): examp1e.com looks like example.com``."""
    return frozenset(
        note.partition(" (")[0] for note in line.get("notes", ()) if note.partition(" (")[0] in set(Signal)
    )


def check(case: Case, found: Found) -> None:
    """Compare all that the row expects with what was found."""
    for expected in case.results:
        wanted = {word.replace("_", " ") if word.startswith("reason=") else word for word in expected.split()}
        assert any(wanted <= words for words in found.results), f"{expected} not among {found.results}"
    for word in case.absent:
        assert not any(word in words for words in found.results), f"{word} among {found.results}"
    methods = Counter(word.partition("=")[0] for words in found.results for word in words)
    assert {method: methods[method] for method in case.entries} == case.entries
    assert found.decision == case.decision, found
    assert found.would_be == (case.would_be or case.decision), found
    assert found.reply.startswith(case.reply), found
    assert found.signals == set(case.signals), found
    if found.deleted is not None:
        assert found.deleted == tuple(case.deleted), found
    if found.stripped is not None:
        assert sorted(found.stripped) == sorted(case.stripped), found
    check_asked(case, found.asked)


def check_asked(case: Case, asked: Iterable[str]) -> None:
    names = {name.lower().removesuffix(".") for name in asked}
    if case.not_asked:
        assert not [name for name in names if case.not_asked in name]
    if case.asked_under:
        under = {name for name in names if f".{name}".endswith(f".{case.asked_under}")}
        assert under == set(case.asked)
