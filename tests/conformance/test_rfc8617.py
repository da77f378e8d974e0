"""ARC validation against the suite of others (RFC 8617): every case must give the status that the suite expects."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from relayguard import ArcResult, ArcValue, Headers, Results, Watch
from relayguard.core.message import split_message
from relayguard.testing import FrozenClock, a_session, an_envelope, collect, some_services
from relayguard_plugins.arc.filter import ArcFilter
from tests.conformance.suites import NO_SUITES, arc_validation
from tests.relayguard_plugins.dkim.signing import txt

# The suite has the status of a draft, where a chain that was found broken before has none at all: RFC 8617 §5.2
# step 2 makes it fail.
STATUSES = {"None": ArcValue.NONE, "Pass": ArcValue.PASS, "Fail": ArcValue.FAIL, "": ArcValue.FAIL}


def _cases() -> Iterator[Any]:
    suite = arc_validation()
    for scenario in yaml.safe_load_all(suite.read_bytes()) if suite else ():
        assert isinstance(scenario, dict)
        records = scenario.get("txt-records") or {}
        zone = "".join(txt(name, "".join(record.split("\n"))) for name, record in records.items())
        for name, case in scenario["tests"].items():
            yield pytest.param(zone, case, id=name)


CASES = list(_cases())


def validate(message: bytes, zone: str) -> ArcResult:
    """What the filter finds in `message`."""
    pairs, body = split_message(message)
    headers, envelope = Headers.of(*pairs), an_envelope()
    arc = ArcFilter(replace(some_services(zone), clock=FrozenClock()))
    for effect in collect(arc.end_of_headers(envelope, headers, Results())):
        assert isinstance(effect, Watch)
        effect.reader.feed(body)
    (result,) = collect(arc.end_of_message(a_session(), envelope, headers, Results()))
    assert isinstance(result, ArcResult)
    return result


@pytest.mark.parametrize(("zone", "case"), CASES)
def test_a_case_of_the_suite_gives_its_status(zone: str, case: dict[str, Any]) -> None:
    result = validate(case["message"].encode(), zone)
    assert result.value is STATUSES[str(case["cv"]).strip()], result.reason


@pytest.mark.skipif(not CASES, reason=NO_SUITES)
def test_the_suite_is_whole() -> None:
    assert len(CASES) == 171
