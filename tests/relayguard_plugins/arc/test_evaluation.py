import asyncio

import pytest

from relayguard import ArcResult, ArcValue, Cap, Headers
from relayguard.core.message import split_message
from relayguard.testing import NOON, CountedMetrics, ZoneResolver
from relayguard_plugins.arc.chain import read_chain
from relayguard_plugins.arc.evaluation import MAX_OLDER, evaluate, questions, tried
from relayguard_plugins.dkim.body_hash import BodyHash
from tests.relayguard_plugins.arc.sealing import DOMAIN, arc_zone, seal
from tests.relayguard_plugins.dkim.signing import MESSAGE, published, rsa_key, txt

METRICS = CountedMetrics()


def evaluated(message: bytes, zone: str | None = None) -> ArcResult:
    pairs, body = split_message(message)
    headers = Headers.of(*pairs)
    chain = read_chain(headers)
    hashed = {relaxed: BodyHash(relaxed=relaxed) for relaxed in (True, False)}
    for each in hashed.values():
        each.feed(body)
    answers = asyncio.run(ZoneResolver(arc_zone() if zone is None else zone).resolve_all(questions(chain)))
    return evaluate(chain, headers, hashed, answers, NOON, "192.0.2.1", METRICS)


def test_each_seal_covers_all_sets_before_it() -> None:
    message = seal(seal(seal(MESSAGE)))
    assert evaluated(message).value is ArcValue.PASS
    for number in (1, 2):
        changed = message.replace(b"Results: i=%d; lists" % number, b"Results: i=%d; other" % number)
        result = evaluated(changed)
        # The newest seal is looked at first, and covers all of it.
        assert (result.value, result.reason) == (ArcValue.FAIL, "seal 3: signature did not verify")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (seal(MESSAGE, signature={"l": "4"}), "message signature 1: l= leaves a part of the body unsigned"),
        (seal(MESSAGE, signature={"x": "2"}), "message signature 1: signature expired"),
        (seal(MESSAGE, seal={"s": "s2"}), "seal 1: no key for signature"),
        (seal(MESSAGE).replace(b"spf=pass", b"spf=fail"), "seal 1: signature did not verify"),
        (seal(MESSAGE).replace(b"noon", b"dusk"), "message signature 1: body hash did not verify"),
        (seal(MESSAGE).replace(b"Lunch", b"Dinner"), "message signature 1: signature did not verify"),
        (seal(MESSAGE, key=rsa_key(1024)), "message signature 1: signature did not verify"),
        (b"From: eve@example.net\r\n" + seal(MESSAGE), "message signature 1: signature did not verify"),
    ],
)
def test_a_chain_that_does_not_hold_fails_with_a_reason(message: bytes, reason: str) -> None:
    result = evaluated(message)
    assert (result.value, result.sets, result.reason) == (ArcValue.FAIL, (), reason)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=DKIM1; h=sha1; p={}", "message signature 1: key does not allow sha256"),
        ("v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "message signature 1: key is of another type"),
        ("v=DKIM1; p=", "message signature 1: key revoked"),
    ],
)  # fmt: skip
def test_a_key_binds_its_user(record: str, reason: str) -> None:
    zone = txt(f"s1._domainkey.{DOMAIN}", record.format(published(rsa_key())))
    assert evaluated(seal(MESSAGE), zone).reason == reason


def test_no_more_keys_are_asked_for_than_there_are_and_no_more_old_signatures_tried_than_help() -> None:
    message = MESSAGE
    for number in range(14):
        message = seal(message, domain=f"d{number}.example")
    chain = read_chain(Headers.of(*split_message(message)[0]))
    assert len(questions(chain)) == 14
    assert [link.instance for link in tried(chain)] == list(range(14 - MAX_OLDER, 15))


def test_a_key_that_cannot_be_had_does_not_hide_what_fails_for_good() -> None:
    forged = seal(MESSAGE, signature={"d": "attack.example"}).replace(b"spf=pass", b"spf=fail")
    result = evaluated(forged, "$SERVFAIL attack.example.\n" + arc_zone())
    assert (result.value, result.reason) == (ArcValue.FAIL, "seal 1: signature did not verify")


def test_a_chain_of_keys_that_are_dear_together_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    message = seal(seal(seal(MESSAGE)))
    # Two verifications with a key of 2,048 bits.
    monkeypatch.setattr("relayguard_plugins.arc.evaluation.MAX_WORK", 300)
    result = evaluated(message)
    assert (result.value, result.reason) == (ArcValue.FAIL, "seal 1: the keys of the chain are too large together")
    assert METRICS.caps[-1] is Cap.DKIM_KEY
