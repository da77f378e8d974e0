import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Headers
from relayguard.core.message import split_message
from relayguard_plugins.arc.chain import MAX_SETS, ChainError, read_chain
from tests.relayguard_plugins.arc.sealing import seal
from tests.relayguard_plugins.dkim.signing import MESSAGE

SEALED = seal(MESSAGE)
NAMES = ("ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal")


def headers_of(message: bytes) -> Headers:
    return Headers.of(*split_message(message)[0])


def test_sets_are_read_in_the_order_of_their_instances_wherever_they_stand() -> None:
    pairs = split_message(seal(SEALED, domain="b.example"))[0]
    for order in (pairs, sorted(pairs), sorted(pairs, reverse=True)):
        chain = read_chain(Headers.of(*order))
        assert [(link.instance, link.seal.domain) for link in chain] == [(1, "lists.example"), (2, "b.example")]
    assert read_chain(headers_of(MESSAGE)) == ()


@pytest.mark.parametrize("prefix", [b"i=1;", b" \r\n\ti = 1 ; ", b"i=01;"])
def test_an_instance_is_read_however_it_is_spaced(prefix: bytes) -> None:
    (link,) = read_chain(headers_of(SEALED.replace(b" i=1; lists", prefix + b" lists")))
    assert link.said().results.strip().startswith(b"lists.example;")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (seal(MESSAGE, seal={"cv": "pass"}), "cv= of set 1 cannot be"),
        (seal(SEALED, seal={"cv": "none"}), "cv= of set 2 cannot be"),
        (seal(SEALED, seal={"cv": "fail"}), "set 2 says that the chain had failed"),
        (seal(MESSAGE, seal={"h": "from"}), "ARC-Seal has h="),
        (seal(MESSAGE, signature={"h": "from:arc-seal"}), "ARC-Message-Signature signs a seal"),
        (seal(MESSAGE, seal={"a": "rsa-sha1"}), "rsa-sha1 is no longer valid"),
        (SEALED.replace(b" i=1; lists", b" lists"), "ARC-Authentication-Results without an instance"),
        (seal(SEALED).replace(b"Results: i=1", b"Results: i=2"), "an instance has two ARC-Authentication-Results fields"),
        (SEALED.replace(b"i=1", b"i=2"), "set 1 is not complete"),
        (SEALED.replace(b"i=1", b"i=0"), "an instance is no number from 1 to 50"),
        (SEALED.replace(b"i=1", b"i=51"), "an instance is no number from 1 to 50"),
        (b"ARC-Seal: i=1; cv\r\n" + MESSAGE, "a tag has no value"),
        (b"ARC-Seal: i=1; b=" + b"A" * 4096 + b"\r\n" + MESSAGE, "a= is missing"),
        (b"ARC-Message-Signature: i=1\r\n" + MESSAGE, "a= is missing"),
        (SEALED.replace(b"c=relaxed/relaxed", b"c=relaxed/no"), "unknown canonicalization"),
        (b"ARC-Seal: i=1\r\n" * (MAX_SETS + 1) + MESSAGE, "more than 50 sets"),
    ],
)  # fmt: skip
def test_what_is_no_chain_is_refused_with_a_reason(message: bytes, reason: str) -> None:
    #
    with pytest.raises(ChainError) as error:
        read_chain(headers_of(message))
    assert str(error.value) == reason


def test_results_that_cannot_be_read_cost_the_chain_nothing() -> None:
    # RFC 8617 §3.4: their accuracy and syntax are the sealer's own affair.
    (link,) = read_chain(headers_of(seal(MESSAGE, results=";;; ?? (")))
    assert link.said().results == b" ;;; ?? ("


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=80)), max_size=5))
def test_no_bytes_break_the_reader(fields: list[tuple[str, bytes]]) -> None:
    try:
        chain = read_chain(Headers.of(*fields))
    except ChainError:
        return
    assert bool(chain) == bool(fields)


@given(st.integers(0, len(SEALED)), st.binary(max_size=3))
def test_a_change_anywhere_never_breaks_the_reader(place: int, junk: bytes) -> None:
    try:
        chain = read_chain(headers_of(SEALED[:place] + junk + SEALED[place + len(junk) :]))
    except ChainError:
        return
    assert len(chain) <= 1
