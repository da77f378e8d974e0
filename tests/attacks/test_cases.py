"""One row of cases.toml, one attack: through the whole pipeline, profile enforce."""

import asyncio
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from relayguard import AddHeader, Reject, Reported, Role, Services
from relayguard.app import build_filters
from relayguard.config import Config
from relayguard.core.ledger import SetHeader
from relayguard.pipeline.filters import Filter
from relayguard.rehearsal import Trace, rehearsal_of, rehearse
from relayguard.snapshot import Snapshot
from tests.relayguard_plugins.dkim.signing import ed25519_key, published, published_numbers, rsa_key, sign, txt

FILE = tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row; cases.toml says what each of its keys means."""

    id: str
    about: str
    mail_from: str
    helo: str
    client: str
    message: str
    zone: str
    decision: str
    keys: Mapping[str, list[str]] = field(default_factory=dict)
    sign: tuple[dict[str, str], ...] = ()
    above: str = ""
    below: str = ""
    repeat: tuple[str, int] = ("", 0)
    config: dict[str, Any] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    would_be: str = ""
    reply: str = ""
    deleted: tuple[int, ...] = ()
    not_asked: str = ""


def read(row: dict[str, Any]) -> Case:
    world = FILE["world"]
    merged = {**world, **row}
    merged["zone"] = world["zone"] + row.get("zone", "")
    merged["keys"] = {**world["keys"], **row.get("keys", {})}
    return Case(**merged)


CASES = [read(row) for row in FILE["case"]]


def published_keys() -> Mapping[str, str]:
    """What the braces in a key record stand for."""
    return {
        "{rsa}": published(rsa_key()),
        "{ed25519}": published(ed25519_key()),
        "{rsa768}": published_numbers(2**767 + 1, 65537),
        "{rsa16384}": published_numbers(2**16383 + 1, 2**16382 + 1),
    }


def zone_of(case: Case) -> str:
    keys = "".join(txt(name, *records) for name, records in case.keys.items())
    for braces, key in published_keys().items():
        # In strings of at most 255 octets, wherever the record was cut.
        keys = keys.replace(braces, '" "'.join(key[at : at + 200] for at in range(0, len(key), 200)))
    return case.zone + "\n" + keys


def message_of(case: Case) -> bytes:
    text, times = case.repeat
    message = case.message.replace("REPEAT", text * times).replace("\n", "\r\n").encode()
    for tags in case.sign:
        message = sign(message, dict(tags))
    above = case.above.replace("REPEAT", text * times).replace("\n", "\r\n").encode()
    return above + message + case.below.replace("\n", "\r\n").encode()


def play(case: Case) -> Trace:
    rehearsal = rehearsal_of(
        message_of(case), case.client, case.helo, case.mail_from, ("bob@mx.example.com",), Role.INCOMING
    )
    config = Config(**{"authserv_id": "mx.example.com", "profile": "enforce", **case.config})
    return asyncio.run(rehearse(rehearsal, config, zone_of(case)))


def words_of(entry: Reported) -> set[str]:
    properties = {f"{ptype}.{name}={value}" for ptype, name, value in entry.properties}
    return {f"{entry.method}={entry.value}", *properties, f"reason={entry.reason}"}


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_an_attack_gets_the_verdict_that_it_earned(case: Case) -> None:
    trace = play(case)
    record = trace.record
    assert record is not None
    assert not [run.trace for run in trace.runs if run.failed]
    reported = [words_of(entry) for entry in record.reported]
    for expected in case.results:
        wanted = {word.replace("_", " ") if word.startswith("reason=") else word for word in expected.split()}
        assert any(wanted <= words for words in reported), f"{expected} not among {reported}"
    for word in case.absent:
        assert not any(word in words for words in reported), f"{word} among {reported}"
    assert record.decision.outcome == case.decision
    if case.would_be:
        assert record.would_be.outcome == case.would_be
    if case.not_asked:
        assert not [asked.question for asked in trace.asked if case.not_asked in asked.question.name]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_it_is_the_same_verdict_when_all_plain_hooks_run_in_threads(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_loop = play(case)

    def blocking(snapshot: Snapshot, services: Services, listener: str) -> tuple[Filter, ...]:
        return tuple(replace(each, blocking=True) for each in build_filters(snapshot, services, listener))

    monkeypatch.setattr("relayguard.rehearsal.build_filters", blocking)
    in_threads = play(case)
    assert on_the_loop.record is not None
    assert in_threads.record is not None
    assert list(in_threads.record.results) == list(on_the_loop.record.results)
    assert in_threads.record.decision == on_the_loop.record.decision
    assert in_threads.record.would_be == on_the_loop.record.would_be
    assert in_threads.ending == on_the_loop.ending
    assert in_threads.caps == on_the_loop.caps
    assert {asked.question for asked in in_threads.asked} == {asked.question for asked in on_the_loop.asked}


@pytest.mark.parametrize("case", [case for case in CASES if case.reply], ids=lambda case: case.id)
def test_the_client_is_told_why(case: Case) -> None:
    trace = play(case)
    verdict = trace.record.decision.verdict if trace.record else None
    assert isinstance(verdict, Reject)
    assert f"{verdict.code} {verdict.enhanced} {verdict.text}".startswith(case.reply)


FORGED = [case for case in CASES if case.id.startswith("AR-0") and not case.id.startswith("AR-05")]


@pytest.mark.parametrize("case", FORGED, ids=lambda case: case.id)
def test_just_the_forged_headers_are_deleted_from_the_last_to_the_first(case: Case) -> None:
    trace = play(case)
    assert trace.ending is not None
    steps = [step for step in trace.ending.steps if isinstance(step, SetHeader)]
    assert [step.occurrence for step in steps] == sorted(case.deleted, reverse=True)
    assert all(step.value is None and step.name.lower() == "authentication-results" for step in steps)


@pytest.mark.parametrize("case", [case for case in CASES if case.decision == "accepted"], ids=lambda case: case.id)
def test_one_header_is_added_and_nothing_in_it_passes_for_a_result(case: Case) -> None:
    trace = play(case)
    assert trace.ending is not None
    assert trace.record is not None
    (added,) = [step for step in trace.ending.steps if isinstance(step, AddHeader)]
    unquoted = re.sub(r'"(?:\\.|[^"\\])*"|\([^)]*\)', "", added.value)
    assert unquoted.isprintable() or set(re.sub(r"[ -~]", "", unquoted)) <= {"\n", "\t"}
    methods = re.findall(r"(?:^|;)\s*([a-z]+=[a-z]+)", unquoted[unquoted.index(";") :])
    assert methods == [f"{entry.method}={entry.value}" for entry in trace.record.reported]
