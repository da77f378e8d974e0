import pytest

from relayguard.core.decision import decide
from relayguard.core.edits import AddHeader, AddRecipient, ChangeSender, DeleteRecipient, ReplaceBody
from relayguard.core.ledger import SetHeader, Step
from relayguard.core.verdicts import Defer, Discard, Given, Quarantine, Reject, Verdict
from relayguard.milter.answers import answer, ending
from relayguard.milter.protocol import EDITS, Edit, Packet, PacketReader, Response
from relayguard.pipeline.transaction import Ending


def packets(said: bytes) -> list[Packet]:
    return [Packet(bytes((kind,)), data) for kind, data in PacketReader().feed(said)]


def end(*steps: Step, verdict: Verdict | None = None, leading_space: bool = True) -> list[Packet]:
    decision = decide(Given("test", verdict) if verdict else None)
    return packets(ending(Ending(decision, steps), leading_space=leading_space))


def edit(step: Step, *, leading_space: bool = True) -> Edit:
    changed, final = end(step, leading_space=leading_space)
    assert final == Packet(b"c")
    return Edit.decode(changed)


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (Reject(text="no"), b"550 5.7.1 no"),
        (Defer(text="later", code=450), b"450 4.7.1 later"),
        (Reject(text="100%"), b"550 5.7.1 100%%"),
        (Reject(text="one\ntwo\r\nthr\xe9e"), b"550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 thr?e"),
    ],
)
def test_a_refusal_is_one_reply_with_its_codes_on_each_line(verdict: Verdict, text: bytes) -> None:
    assert packets(answer(verdict)) == [Packet(b"y", text + b"\0")]


@pytest.mark.parametrize("verdict", [None, Quarantine(), Discard()])
def test_what_refuses_nothing_lets_the_mta_go_on(verdict: Verdict | None) -> None:
    assert packets(answer(verdict)) == [Packet(b"c")]


def test_a_message_is_discarded_or_quarantined_at_its_end() -> None:
    assert end(verdict=Discard()) == [Packet(b"d")]
    assert end(verdict=Quarantine(reason="a\r\nb")) == [Packet(b"q", b"a??b\0"), Packet(b"c")]
    assert end(verdict=Quarantine(reason="")) == [Packet(b"q", b"quarantined\0"), Packet(b"c")]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (AddHeader("X-A", "b\r\n c"), Edit(Response.INSERT_HEADER, (b"X-A", b" b\n c"), 0)),
        (AddHeader("X-A", "grün", at_top=False), Edit(Response.ADD_HEADER, (b"X-A", " grün".encode()))),
        (SetHeader("X-A", 3, "new"), Edit(Response.CHANGE_HEADER, (b"X-A", b" new"), 3)),
        (SetHeader("X-\xff", 1, None), Edit(Response.CHANGE_HEADER, (b"X-\xff", b""), 1)),
        (AddRecipient("a@example.com"), Edit(Response.ADD_RECIPIENT, (b"<a@example.com>",))),
        (DeleteRecipient("a@example.com"), Edit(Response.DELETE_RECIPIENT, (b"<a@example.com>",))),
        (ChangeSender(""), Edit(Response.CHANGE_SENDER, (b"<>",))),
        (ReplaceBody(b"body\0"), Edit(Response.REPLACE_BODY, (b"body\0",))),
        (ReplaceBody(b""), Edit(Response.REPLACE_BODY, (b"",))),
    ],
)
def test_every_edit_is_said_as_the_mta_reads_it(step: Step, expected: Edit) -> None:
    assert edit(step) == expected


def test_without_the_leading_space_option_the_mta_adds_the_space_itself() -> None:
    assert edit(AddHeader("X-A", "b"), leading_space=False).texts == (b"X-A", b"b")
    # Nothing at all would delete the field.
    assert edit(SetHeader("X-A", 1, ""), leading_space=False).texts == (b"X-A", b" ")


def test_a_large_body_is_replaced_in_chunks_and_edits_keep_their_order() -> None:
    said = end(SetHeader("X", 2, None), ReplaceBody(b"x" * 70_000), AddHeader("X", "y"))
    assert [len(packet.data) for packet in said[1:3]] == [65_535, 4_465]
    assert all(Response(packet.command) in EDITS for packet in said[:-1])
    assert [packet.command for packet in said] == [b"m", b"b", b"b", b"i", b"c"]
