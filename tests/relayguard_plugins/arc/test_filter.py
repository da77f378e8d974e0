from dataclasses import replace

import dkim
import pytest

from relayguard import (
    ArcResult,
    ArcSet,
    ArcValue,
    Cap,
    Effect,
    Failed,
    Failure,
    Headers,
    Results,
    Role,
    Services,
    Stage,
    Watch,
)
from relayguard.core.message import split_message
from relayguard.testing import CountedMetrics, ZoneResolver, a_session, an_envelope, collect, some_services
from relayguard_plugins.arc.filter import ArcFilter
from relayguard_plugins.dkim.filter import DkimFilter, Options
from tests.relayguard_plugins.arc.sealing import DOMAIN, RESULTS, arc_zone, seal
from tests.relayguard_plugins.dkim.signing import MESSAGE, key_zone, sign

TWICE = seal(seal(MESSAGE), domain="b.example")
ZONE = arc_zone(DOMAIN, "b.example")
DKIM_FAILED = Failed(filter="dkim", stage=Stage.END_OF_HEADERS, kind=Failure.EXCEPTION)


def found(message: bytes, services: Services, role: Role = Role.INCOMING) -> list[Effect]:
    pairs, body = split_message(message)
    arc, headers, envelope = ArcFilter(services), Headers.of(*pairs), an_envelope(role=role)
    for effect in collect(arc.end_of_headers(envelope, headers, Results())):
        assert isinstance(effect, Watch)
        effect.reader.feed(body)
    return collect(arc.end_of_message(a_session(), envelope, headers, Results()))


def validated(message: bytes, zone: str = ZONE) -> ArcResult:
    (result,) = found(message, some_services(zone))
    assert isinstance(result, ArcResult)
    return result


def test_a_message_without_sets_has_no_chain() -> None:
    assert validated(MESSAGE) == ArcResult(value=ArcValue.NONE, client="192.0.2.1")


def test_a_chain_that_passes_tells_what_each_sealer_found() -> None:
    sets = tuple(
        ArcSet(instance=number, sealer=sealer, results=b" " + RESULTS.encode())
        for number, sealer in ((1, DOMAIN), (2, "b.example"))
    )
    assert validated(TWICE) == ArcResult(value=ArcValue.PASS, sets=sets, oldest_pass=0, client="192.0.2.1")


def test_dkimpy_agrees_with_our_sealer() -> None:
    record = arc_zone().partition('"')[2].replace('" "', "").strip().strip('"').encode()
    assert dkim.arc_verify(TWICE, dnsfunc=lambda name, timeout=5: record)[0] == b"pass"


def test_it_is_told_since_when_the_message_is_unchanged() -> None:
    changed = seal(seal(seal(MESSAGE).replace(b"noon", b"dusk")))
    assert validated(changed).oldest_pass == 2
    assert validated(seal(MESSAGE.replace(b"noon", b"dusk"))).oldest_pass == 0
    assert validated(TWICE.replace(b"noon", b"dusk")).value is ArcValue.FAIL


def test_of_a_long_chain_only_some_old_signatures_are_tried() -> None:
    message = MESSAGE
    for _ in range(13):
        message = seal(message)
    result = validated(message)
    assert (result.value, result.oldest_pass, len(result.sets)) == (ArcValue.PASS, None, 13)


def test_a_key_that_cannot_be_had_is_a_temporary_error_that_the_header_calls_a_failure() -> None:
    result = validated(TWICE, f"$SERVFAIL {DOMAIN}.\n" + arc_zone("b.example"))
    assert (result.value, result.reason) == (ArcValue.TEMPERROR, "seal 1: no answer for the key: SERVFAIL")
    assert [said.sealer for said in result.sets] == [DOMAIN, "b.example"]
    assert result.reported().value == "fail"


def test_whether_the_author_is_signed_is_told() -> None:
    assert [said.signs_from for said in validated(seal(MESSAGE, signature={"h": "subject"})).sets] == [False]


def test_more_than_fifty_sets_are_not_read() -> None:
    services = some_services(ZONE)
    (result,) = found(b"ARC-Seal: i=1\r\n" * 51 + MESSAGE, services)
    assert isinstance(result, ArcResult)
    assert (result.value, result.reason) == (ArcValue.FAIL, "more than 50 sets")
    assert isinstance(services.metrics, CountedMetrics)
    assert services.metrics.caps == [Cap.ARC_SETS]


def test_a_header_that_is_not_seen_whole_has_no_chain() -> None:
    arc, envelope = ArcFilter(some_services(ZONE)), an_envelope()
    headers = Headers(Headers.of(*split_message(TWICE)[0]), complete=False)
    assert collect(arc.end_of_headers(envelope, headers, Results())) == []
    (result,) = collect(arc.end_of_message(a_session(), envelope, headers, Results()))
    assert isinstance(result, ArcResult)
    assert (result.value, result.reason) == (ArcValue.FAIL, "header block too large")


def test_all_keys_are_asked_for_at_the_end_of_the_headers() -> None:
    services = some_services(ZONE)
    headers = Headers.of(*split_message(TWICE)[0])
    collect(ArcFilter(services).end_of_headers(an_envelope(), headers, Results()))
    assert isinstance(services.resolver, ZoneResolver)
    assert {question.name for question in services.resolver.asked} == {
        "s1._domainkey.lists.example",
        "s1._domainkey.b.example",
    }


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_our_own_mail_has_no_chain_to_validate(role: Role) -> None:
    assert found(TWICE, some_services(ZONE), role) == []


def test_the_body_is_hashed_once_for_dkim_and_arc() -> None:
    services = some_services(ZONE + key_zone())
    signed = seal(sign())
    pairs, body = split_message(signed)
    headers, envelope, session = Headers.of(*pairs), an_envelope(), a_session()
    dkim_filter, arc = DkimFilter(Options(), services), ArcFilter(services)
    (watch,) = collect(dkim_filter.end_of_headers(envelope, headers))
    assert isinstance(watch, Watch)
    assert collect(arc.end_of_headers(envelope, headers, Results())) == []
    watch.reader.feed(body)
    assert [type(effect).__name__ for effect in collect(dkim_filter.end_of_message(envelope, headers))] == [
        "DkimResult"
    ]
    (result,) = collect(arc.end_of_message(session, envelope, headers, Results()))
    assert isinstance(result, ArcResult)
    assert result.value is ArcValue.PASS
    # A reader that broke on the way was fed no more.
    (result,) = collect(arc.end_of_message(session, envelope, headers, Results([DKIM_FAILED])))
    assert isinstance(result, ArcResult)
    assert (result.value, result.reason) == (ArcValue.TEMPERROR, "the body was not hashed")


def test_if_dkim_failed_before_the_body_arc_hashes_it_itself() -> None:
    services = some_services(ZONE + key_zone())
    pairs, body = split_message(seal(sign()))
    headers, envelope = Headers.of(*pairs), an_envelope()
    collect(DkimFilter(Options(), services).end_of_headers(envelope, headers))
    arc, results = ArcFilter(services), Results([DKIM_FAILED])
    (watch,) = collect(arc.end_of_headers(envelope, headers, results))
    assert isinstance(watch, Watch)
    watch.reader.feed(body)
    (result,) = collect(arc.end_of_message(a_session(), envelope, headers, results))
    assert isinstance(result, ArcResult)
    assert replace(result, sets=()) == ArcResult(value=ArcValue.PASS, oldest_pass=0, client="192.0.2.1")
