"""Each row of cases.toml, one attack: through the whole pipeline, profile enforce."""

import asyncio
import json
import re
from dataclasses import replace

import pytest

from relayguard import AddHeader, Reject, Role, Services
from relayguard.app import build_filters
from relayguard.config import Config
from relayguard.core.ledger import SetHeader
from relayguard.pipeline.filters import Filter
from relayguard.rehearsal import Trace, rehearsal_of, rehearse
from relayguard.snapshot import Snapshot
from relayguard_plugins.spoof.signals import Suspicion
from tests.attacks.cases import RECIPIENT, Case, message_of, reachable, zone_of
from tests.attacks.verdicts import Found, check, is_results, words_of

CASES = reachable("pure")


def play(case: Case) -> Trace:
    role = Role.SUBMISSION if case.login else Role.INCOMING
    rehearsal = rehearsal_of(
        message_of(case), case.client, case.helo, case.mail_from, (RECIPIENT,), role, login=case.login
    )
    settings = {"authserv_id": "mx.example.com", "profile": "enforce", **case.config}
    config = Config.model_validate_json(json.dumps(settings))
    return asyncio.run(rehearse(rehearsal, config, zone_of(case)))


def found_in(trace: Trace) -> Found:
    record = trace.record
    assert record is not None
    verdict = record.decision.verdict
    told = f"{verdict.code} {verdict.enhanced} {verdict.text}" if isinstance(verdict, Reject) else ""
    return Found(
        results=[words_of(entry) for entry in record.reported],
        decision=record.decision.outcome,
        would_be=record.would_be.outcome,
        reply=told,
        asked=frozenset(asked.question.name for asked in trace.asked),
        signals=frozenset(found.signal for found in record.results.of(Suspicion)),
        deleted=tuple(sorted(step.occurrence for step in removed(trace) if is_results(step.name))),
        stripped=tuple(step.name for step in removed(trace) if not is_results(step.name)),
    )


def removed(trace: Trace) -> list[SetHeader]:
    steps = trace.ending.steps if trace.ending else ()
    return [step for step in steps if isinstance(step, SetHeader) and step.value is None]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_an_attack_gets_the_verdict_that_it_earned(case: Case) -> None:
    trace = play(case)
    assert not [run.trace for run in trace.runs if run.failed]
    check(case, found_in(trace))


@pytest.mark.long
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


FORGED = [case for case in CASES if re.match("AR-0(?![56])", case.id)]


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
    # Only an internationalized message may have more than ASCII in it (RFC 6531).
    beyond = re.sub(r"[ -~\n\t]", "", unquoted)
    assert not beyond or (case.parameters and beyond.isprintable())
    methods = re.findall(r"(?:^|;)\s*([a-z]+=[a-z]+)", unquoted[unquoted.index(";") :])
    assert methods == [f"{entry.method}={entry.value}" for entry in trace.record.reported]
