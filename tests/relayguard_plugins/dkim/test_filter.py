import pytest

from relayguard import Cap, DkimResult, DkimValue, Effect, Headers, Question, RecordType, Role, Watch
from relayguard.core.message import split_message
from relayguard.testing import CountedMetrics, ZoneResolver, an_envelope, collect, some_headers, some_services
from relayguard_plugins.dkim.filter import DkimFilter, Options
from tests.relayguard_plugins.dkim.signing import MESSAGE, key_zone, sign, verify, verify_parts

SIGNED = sign()
BROKEN = b"DKIM-Signature: v=1; junk\r\n"


def values(effects: list[Effect]) -> list[DkimValue]:
    return [effect.value for effect in effects if isinstance(effect, DkimResult)]


def caps_of(message: bytes) -> tuple[list[DkimValue], list[Cap]]:
    """The results of a message, and the caps that it ran into."""
    services = some_services(key_zone())
    pairs, body = split_message(message)
    found = values(verify_parts(Headers.of(*pairs), body, services))
    assert isinstance(services.metrics, CountedMetrics)
    return found, services.metrics.caps


def test_an_unsigned_message_has_no_signature() -> None:
    assert verify(MESSAGE) == [DkimResult(value=DkimValue.NONE)]


def test_a_signed_message_passes() -> None:
    assert values(verify(SIGNED)) == [DkimValue.PASS]


def test_each_signature_has_a_result_and_the_unreadable_ones_come_last() -> None:
    expired = sign(SIGNED, {"x": "1"})
    assert values(verify(BROKEN + expired)) == [DkimValue.FAIL, DkimValue.PASS, DkimValue.PERMERROR]


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_mail_of_our_own_is_not_verified(role: Role) -> None:
    dkim, envelope, headers = DkimFilter(Options(), some_services()), an_envelope(role=role), some_headers(SIGNED)
    assert collect(dkim.end_of_headers(envelope, headers)) == []
    assert collect(dkim.end_of_message(envelope, headers)) == []


@pytest.mark.parametrize(
    ("forms", "readers"), [([], 0), (["relaxed"], 1), (["relaxed", "relaxed"], 1), (["simple", "relaxed"], 2)]
)
def test_the_body_is_hashed_once_for_each_canonicalization(forms: list[str], readers: int) -> None:
    message = MESSAGE
    for form in forms:
        message = sign(message, {"c": f"relaxed/{form}"})
    dkim = DkimFilter(Options(), some_services(key_zone()))
    effects = collect(dkim.end_of_headers(an_envelope(), some_headers(message)))
    assert [type(effect) for effect in effects] == [Watch] * readers


def test_signatures_of_both_canonicalizations_pass() -> None:
    message = sign(sign(tags={"c": "simple/simple"}), {"c": "simple/relaxed"})
    assert values(verify(message, cuts=[1, 5, 9])) == [DkimValue.PASS, DkimValue.PASS]


def test_all_keys_are_asked_for_at_the_end_of_the_headers() -> None:
    services = some_services(key_zone())
    message = sign(sign(tags={"s": "s2"}), {"d": "example.net"})
    collect(DkimFilter(Options(), services).end_of_headers(an_envelope(), some_headers(BROKEN + message)))
    assert isinstance(services.resolver, ZoneResolver)
    names = ("s1._domainkey.example.net", "s2._domainkey.example.com")
    assert services.resolver.asked == [Question(name, RecordType.TXT) for name in names]


def test_at_most_ten_signatures_are_verified() -> None:
    message = SIGNED
    for _ in range(49):
        message = sign(message, {"x": "1", "d": "example.net"})
    found, caps = caps_of(message)
    assert (len(found), caps) == (10, [Cap.DKIM_SIGNATURES])


@pytest.mark.parametrize("domain", ["example.com", "mail.example.com", "com"])
def test_those_of_the_author_domain_and_its_relatives_come_first(domain: str) -> None:
    message = sign(tags={"d": domain})
    for _ in range(20):
        message = sign(BROKEN + message, {"x": "1", "d": "example.net"})
    effects = verify(message)
    assert next(effect.domain for effect in effects if isinstance(effect, DkimResult)) == domain


def test_without_an_author_domain_the_topmost_come_first() -> None:
    message = MESSAGE
    for number in range(12):
        message = sign(message, {"s": f"s{number}"})
    effects = verify(message.replace(b"From: Alice <alice@example.com>", b"From: nobody"))
    selectors = [effect.selector for effect in effects if isinstance(effect, DkimResult)]
    assert selectors == [f"s{number}" for number in range(11, 1, -1)]


def test_the_number_of_signatures_can_be_set() -> None:
    assert len(verify(sign(sign()), options=Options(max_signatures=1))) == 1


def test_a_signature_larger_than_8_kb_is_counted() -> None:
    huge = b"DKIM-Signature: v=1; d=example.net; z=" + b"x" * 8192 + b"\r\n"
    assert caps_of(huge + SIGNED) == ([DkimValue.PASS, DkimValue.PERMERROR], [Cap.DKIM_SIGNATURE_SIZE])


@pytest.mark.parametrize(
    ("names", "found", "caps"),
    [(100, DkimValue.PASS, []), (101, DkimValue.PERMERROR, [Cap.DKIM_SIGNED_NAMES])],
)
def test_a_signature_that_names_more_than_a_hundred_fields_is_counted(
    names: int, found: DkimValue, caps: list[Cap]
) -> None:
    assert caps_of(sign(tags={"h": ":".join(["from"] * names)})) == ([found], caps)


def test_a_filter_that_was_stopped_before_it_could_watch_the_body_says_nothing_of_its_hash() -> None:
    dkim, envelope, headers = DkimFilter(Options(), some_services(key_zone())), an_envelope(), some_headers(SIGNED)
    assert isinstance(next(dkim.end_of_headers(envelope, headers)), Watch)
    assert collect(dkim.end_of_message(envelope, headers)) == []


def test_of_a_message_whose_headers_are_not_all_seen_nothing_is_concluded() -> None:
    pairs, body = split_message(SIGNED)
    headers = Headers(Headers.of(*pairs)[:2], complete=False)
    expected = DkimResult(value=DkimValue.NEUTRAL, reason="header block too large")
    assert verify_parts(headers, body, some_services(key_zone())) == [expected]
