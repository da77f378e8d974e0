import hashlib
from dataclasses import replace

import pytest

from relayguard import Answer, Cap, DkimResult, DkimValue, Header, Headers, Question, RecordType, Status
from relayguard.core.message import split_message
from relayguard.testing import NOON, CountedMetrics
from relayguard_plugins.dkim.body_hash import HashedBody
from relayguard_plugins.dkim.evaluation import Demands, evaluate, key_question
from relayguard_plugins.dkim.header_hash import MessageFields
from relayguard_plugins.dkim.signature import Signature, parse_signature
from tests.relayguard_plugins.dkim.signing import (
    MESSAGE,
    Tags,
    canonical_body,
    published,
    published_numbers,
    rsa_key,
    sign,
)

CONTENT = canonical_body(split_message(MESSAGE)[1], relaxed=True)
BEGINNINGS = {length: hashlib.sha256(CONTENT[:length]).digest() for length in range(len(CONTENT))}
BODY = HashedBody(hashlib.sha256(CONTENT).digest(), len(CONTENT), BEGINNINGS)
RECORD = f"v=DKIM1; t=y; p={published(rsa_key())}".encode()
KEY = Answer(status=Status.FOUND, texts=(RECORD,))
DEMANDS = Demands()


def signed(tags: Tags | None = None) -> tuple[Signature, Headers]:
    headers = Headers.of(*split_message(sign(tags=tags))[0])
    return parse_signature(headers[0]), headers


def evaluated(
    tags: Tags | None = None,
    *,
    body: HashedBody = BODY,
    answer: Answer = KEY,
    now: float = NOON,
    demands: Demands = DEMANDS,
) -> DkimResult:
    signature, headers = signed(tags)
    return evaluate(signature, MessageFields(headers), body, answer, now, CountedMetrics(), demands)


def test_the_key_is_asked_for_where_the_signature_says() -> None:
    signature, _ = signed({"d": "EXAMPLE.net", "s": "S1.mail"})
    assert key_question(signature.selector, signature.domain) == Question(
        "s1.mail._domainkey.example.net", RecordType.TXT
    )


def test_a_result_says_whose_signature_passed() -> None:
    result = evaluated()
    expected = DkimResult(
        value=DkimValue.PASS,
        domain="example.com",
        selector="s1",
        algorithm="rsa-sha256",
        tag=result.tag,
        testing=True,
    )
    assert result == expected
    assert len(result.tag) == 8


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (Answer(status=Status.TEMPERROR, reason="timeout"), DkimValue.TEMPERROR),
        (Answer(status=Status.NXDOMAIN), DkimValue.PERMERROR),
        (Answer(status=Status.NODATA), DkimValue.PERMERROR),
        (Answer(status=Status.FOUND, texts=(b"junk",)), DkimValue.PERMERROR),
        (Answer(status=Status.FOUND, texts=(b"junk", RECORD)), DkimValue.PASS),
    ],
    ids=["trouble", "no name", "no record", "junk", "junk and a key"],
)
def test_only_trouble_with_dns_is_temporary(answer: Answer, value: DkimValue) -> None:
    assert evaluated(answer=answer).value is value


@pytest.mark.parametrize(
    ("tags", "now", "value"),
    [
        ({"x": "2000"}, 2300, DkimValue.PASS),
        ({"x": "2000"}, 2301, DkimValue.FAIL),
        ({"t": "2000"}, 1700, DkimValue.PASS),
        ({"t": "2000"}, 1699, DkimValue.FAIL),
        ({"t": "2000", "x": "2001"}, 2000, DkimValue.PASS),
    ],
)
def test_clocks_may_differ_by_five_minutes(tags: Tags, now: float, value: DkimValue) -> None:
    assert evaluated(tags, now=now).value is value


@pytest.mark.parametrize(
    ("length", "value"),
    [(0, DkimValue.POLICY), (9, DkimValue.POLICY), (10, DkimValue.PASS), (11, DkimValue.PERMERROR)],
)
def test_a_signature_must_cover_the_whole_body(length: int, value: DkimValue) -> None:
    assert evaluated({"l": str(length)}).value is value


@pytest.mark.parametrize(
    ("length", "value"), [(0, DkimValue.POLICY), (9, DkimValue.PASS), (10, DkimValue.PASS), (11, DkimValue.PERMERROR)]
)
def test_a_postmaster_may_let_a_part_of_the_body_do_but_never_none_of_it(length: int, value: DkimValue) -> None:
    assert evaluated({"l": str(length)}, demands=Demands(whole_body=False)).value is value


def test_a_signature_that_does_not_verify_fails_however_little_it_covers() -> None:
    result = evaluated({"l": "4", "b": "YQ=="})
    assert (result.value, result.reason) == (DkimValue.FAIL, "signature did not verify")
    changed = replace(BODY, beginnings={**BEGINNINGS, 4: bytes(32)})
    result = evaluated({"l": "4"}, body=changed)
    assert (result.value, result.reason) == (DkimValue.FAIL, "body hash did not verify")


@pytest.mark.parametrize(
    ("names", "value", "reason"),
    [
        ("from:subject", DkimValue.PASS, None),
        ("from:subject:subject", DkimValue.PASS, None),
        ("from", DkimValue.POLICY, "Subject is not signed"),
    ],
)
def test_fields_that_must_be_signed_are_asked_for_where_the_message_has_them(
    names: str, value: DkimValue, reason: str | None
) -> None:
    result = evaluated({"h": names}, demands=Demands(must_sign=("Subject", "Reply-To")))
    assert (result.value, result.reason) == (value, reason)


def test_a_second_field_above_the_signed_one_is_not_signed() -> None:
    headers = Headers.of(*split_message(b"Subject: Pay\r\n" + sign())[0])
    signature = parse_signature(headers[1])
    demands = Demands(must_sign=("Subject",))
    result = evaluate(signature, MessageFields(headers), BODY, KEY, NOON, CountedMetrics(), demands)
    assert (result.value, result.reason) == (DkimValue.POLICY, "Subject is not signed")


def test_a_changed_body_fails() -> None:
    changed = replace(BODY, digest=hashlib.sha256(b"changed").digest())
    result = evaluated(body=changed)
    assert (result.value, result.reason, result.testing) == (DkimValue.FAIL, "body hash did not verify", True)


def test_a_changed_header_fails() -> None:
    signature, headers = signed()
    changed = Headers([Header(h.name, h.value.replace(b"Lunch", b"Dinner"), h.position) for h in headers])
    result = evaluate(signature, MessageFields(changed), BODY, KEY, NOON, CountedMetrics(), DEMANDS)
    assert (result.value, result.reason) == (DkimValue.FAIL, "signature did not verify")


@pytest.mark.parametrize(("bits", "value"), [(768, DkimValue.POLICY), (16384, DkimValue.PERMERROR)])
def test_a_key_out_of_bounds_is_counted(bits: int, value: DkimValue) -> None:
    metrics = CountedMetrics()
    text = b"p=" + published_numbers(2 ** (bits - 1) + 1, 65537).encode()
    signature, headers = signed()
    answer = Answer(status=Status.FOUND, texts=(text,))
    result = evaluate(signature, MessageFields(headers), BODY, answer, NOON, metrics, DEMANDS)
    assert (result.value, metrics.caps) == (value, [Cap.DKIM_KEY])
