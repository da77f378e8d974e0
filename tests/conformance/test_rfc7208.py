"""The suite of RFC 7208, through our evaluator: every case must give the result that the suite prefers."""

import asyncio
import math
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from relayguard import Answer, MailExchange, Question, RecordType, Status
from relayguard.testing import CountedMetrics
from relayguard_plugins.spf.evaluation import Evaluator
from tests.conformance.suites import rfc7208

TIMEOUT = "TIMEOUT"

Records = list[tuple[str, Any]]


@dataclass
class SuiteResolver:
    """A `Resolver` over a scenario's zonedata: ``TIMEOUT`` is a temporary error, a CNAME is followed."""

    zone: Mapping[str, Records]
    asked: list[Question] = field(default_factory=list)

    def cached(self, question: Question) -> Answer | None:
        return None

    def prefetch(self, questions: Iterable[Question]) -> None:
        pass

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        return {question: await self.resolve(question) for question in questions}

    async def resolve(self, question: Question) -> Answer:
        self.asked.append(question)
        return replace(self._answer(question.name, question.type, hops=8), expires=math.inf)

    def _answer(self, name: str, rtype: RecordType, hops: int) -> Answer:
        records = self.zone.get(name)
        if records is None:
            return Answer(status=Status.NXDOMAIN)
        values = [value for kind, value in records if kind == rtype]
        # A bare TIMEOUT is for every type that has no record.
        if TIMEOUT in values or (not values and (TIMEOUT, None) in records):
            return Answer(status=Status.TEMPERROR, reason="timeout")
        alias = next((value for kind, value in records if kind == "CNAME"), None)
        if not values and alias is not None:
            return self._answer(alias.lower().rstrip("."), rtype, hops - 1) if hops else Answer(status=Status.NODATA)
        return _found(rtype, values) if values else Answer(status=Status.NODATA)


def _found(rtype: RecordType, values: list[Any]) -> Answer:
    if rtype is RecordType.TXT:
        return Answer(status=Status.FOUND, texts=tuple("".join(strings).encode() for strings in values))
    if rtype is RecordType.MX:
        return Answer(status=Status.FOUND, exchanges=tuple(MailExchange(*value) for value in values))
    if rtype is RecordType.AAAA:
        packed = [socket.inet_pton(socket.AF_INET6, value) for value in values]
        return Answer(status=Status.FOUND, hosts=tuple(socket.inet_ntop(socket.AF_INET6, each) for each in packed))
    return Answer(status=Status.FOUND, hosts=tuple(values))


def _records(entries: list[Any]) -> Records:
    """A name's records. Old cases say SPF for what is TXT today, unless there is a TXT as well."""
    found: Records = []
    for entry in entries:
        pairs = entry.items() if isinstance(entry, dict) else [(entry, None)]
        found += [
            (kind, [value] if kind in ("TXT", "SPF") and isinstance(value, str) else value) for kind, value in pairs
        ]
    if not any(kind == "TXT" for kind, _ in found):
        found = [("TXT" if kind == "SPF" else kind, value) for kind, value in found]
    return [(kind, TIMEOUT if value == [TIMEOUT] else value) for kind, value in found if value != ["NONE"]]


def _read() -> Iterator[Any]:
    for scenario in yaml.safe_load_all(rfc7208().read_bytes()):
        assert isinstance(scenario, dict)
        zone = {name.lower(): _records(entries) for name, entries in scenario["zonedata"].items()}
        for name, case in scenario["tests"].items():
            yield pytest.param(zone, case, id=name)


def _cases() -> list[Any]:
    try:
        return list(_read())
    except subprocess.CalledProcessError:
        # Without network, only this file's tests may fail.
        return []


CASES = _cases()


@pytest.mark.parametrize(("zone", "case"), CASES)
def test_a_case_of_the_suite_gives_its_preferred_result(zone: Mapping[str, Records], case: dict[str, Any]) -> None:
    checked = check(Evaluator(SuiteResolver(zone), CountedMetrics(), "mx.example.org", timeout=20), case)
    assert checked == preferred(case)


def check(evaluator: Evaluator, case: dict[str, Any]) -> str:
    # RFC 7208 §2.4 and §4.3: the null sender is postmaster@HELO, and so is a missing local part.
    local_part, _, domain = (case["mailfrom"] or case["helo"]).rpartition("@")
    sender = ip_address(case["host"]), local_part or "postmaster", domain, case["helo"]
    return asyncio.run(evaluator.check(*sender)).value


def preferred(case: dict[str, Any]) -> str:
    expected = case["result"]
    return str(expected if isinstance(expected, str) else expected[0])


def test_results_that_are_kept_change_no_case_of_the_suite() -> None:
    """All cases of a scenario share its zone: here one evaluator sees them all, and each twice."""
    evaluators: dict[int, Evaluator] = {}
    for _ in range(2):
        for zone, case in (parameters.values for parameters in CASES):
            if id(zone) not in evaluators:
                evaluators[id(zone)] = Evaluator(SuiteResolver(zone), CountedMetrics(), "mx.example.org", timeout=20)
            assert check(evaluators[id(zone)], case) == preferred(case), case


def test_the_suite_is_whole() -> None:
    assert len(CASES) == 203, "pip could not fetch pyspf's source package"
