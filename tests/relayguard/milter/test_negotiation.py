from dataclasses import replace

import pytest

from relayguard.core.stages import Stage
from relayguard.milter.negotiation import ACTIONS, Negotiator, wanted
from relayguard.milter.protocol import (
    ALL_ACTIONS,
    ALL_PROTOCOL,
    Negotiation,
    PacketReader,
    Protocol,
    ProtocolError,
    macro_lists,
)
from relayguard.pipeline.needs import Needs

NEEDS = Needs(
    replies=frozenset({Stage.MAIL_FROM, Stage.END_OF_MESSAGE}), watch=True, keep_body=False, macros=frozenset()
)


def offer(version: int = 6, actions: int = ALL_ACTIONS, protocol: int = ALL_PROTOCOL) -> bytes:
    return Negotiation(version, actions, Protocol(protocol)).encode()


def answered(given: bytes, needs: Needs = NEEDS) -> tuple[Negotiation, bytes]:
    ((command, data),) = PacketReader().feed(Negotiator(needs).agree(given).answer)
    assert command == ord("O")
    return Negotiation.decode(data), data[12:]


def test_only_what_a_filter_waits_for_is_answered() -> None:
    terms = Negotiator(NEEDS).agree(offer())
    assert set(b"CHRLNBD") <= terms.silent
    assert ord("M") not in terms.silent
    assert terms.urgent >= set(b"MEAQK")
    assert not terms.urgent & set(b"CHRLNBD")


def test_what_the_mta_cannot_leave_out_is_answered() -> None:
    terms = Negotiator(NEEDS).agree(offer(protocol=0))
    assert terms.silent == {ord("D")}
    assert set(b"CHMRTLNBUE") <= terms.urgent
    assert not terms.leading_space


def test_the_body_is_not_sent_where_no_filter_wants_it() -> None:
    assert wanted(replace(NEEDS, watch=False)) & Protocol.NO_BODY
    assert not wanted(replace(NEEDS, keep_body=True)) & Protocol.NO_BODY


@pytest.mark.parametrize(("version", "taken"), [(2, 2), (5, 5), (6, 6), (9, 6)])
def test_the_older_of_two_versions_is_spoken(version: int, taken: int) -> None:
    assert answered(offer(version))[0].version == taken


@pytest.mark.parametrize("given", [offer(1), offer(0), offer()[:11], b""])
def test_an_offer_that_cannot_be_is_refused(given: bytes) -> None:
    with pytest.raises(ProtocolError):
        Negotiator(NEEDS).agree(given)


def test_actions_that_are_not_granted_are_known_and_not_taken() -> None:
    terms = Negotiator(NEEDS).agree(offer(actions=0x1))
    assert terms.missing == ACTIONS & ~1
    assert answered(offer(actions=0x1))[0].actions == 1


def test_macros_are_asked_for_by_stage_where_the_mta_lets_us() -> None:
    needs = replace(NEEDS, macros=frozenset({"{mail_mailer}"}))
    lists = macro_lists(answered(offer(), needs)[1])
    assert "{mail_mailer}" in lists[2]
    assert lists[5] == ("i",)
    assert answered(offer(actions=0xFF), needs)[1] == b""


def test_a_body_can_be_cut_short_only_where_its_chunks_are_answered() -> None:
    assert not Negotiator(NEEDS).agree(offer()).skip
    terms = Negotiator(NEEDS).agree(offer(protocol=Protocol.SKIP))
    assert terms.skip
    assert answered(offer(protocol=Protocol.SKIP))[0].protocol == Protocol.SKIP


def test_an_mta_that_offers_ever_new_things_costs_no_memory() -> None:
    negotiator = Negotiator(NEEDS)
    for number in range(100):
        negotiator.agree(offer() + bytes(number))
    assert negotiator.agree(offer()) is negotiator.agree(offer())
    assert negotiator.agree(offer() + bytes(99)) is not negotiator.agree(offer() + bytes(99))
