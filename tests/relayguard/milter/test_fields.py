from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard.milter.fields import MAX_BYTES, Fields
from relayguard.milter.protocol import Packet, PacketReader, ProtocolError
from relayguard.pipeline.forged import NamePattern, name_pattern
from relayguard.pipeline.visible import LEFT_OUT, MAX_FIELDS

MACROS = b"Li\0Q1\0"


def test_folds_become_crlf_however_the_mta_writes_them() -> None:
    fields = Fields(None)
    fields.add("Subject", b" a\n b\r\n\tc")
    assert fields.finish() == [("Subject", b" a\r\n b\r\n\tc")]
    assert fields.finish() == []


def test_fields_beyond_their_number_are_left_out_unless_they_may_have_to_be_stripped() -> None:
    fields = Fields(name_pattern(["X-Spam-*"]))
    for _ in range(MAX_FIELDS):
        fields.add("X", b" 1")
    fields.add("X", b" 2")
    fields.add("X-Spam-Score", b" 3")
    fields.add("Authentication-Results", b" 4")
    assert fields.finish()[MAX_FIELDS:] == [LEFT_OUT, ("X-Spam-Score", b" 3"), ("Authentication-Results", b" 4")]


def test_fields_beyond_their_size_are_left_out_and_the_next_message_begins_anew() -> None:
    fields = Fields(None)
    fields.add("X", b"x" * MAX_BYTES)
    fields.add("X", b"x")
    assert fields.finish()[1:] == [LEFT_OUT]
    fields.add("X", b"x")
    assert fields.finish() == [("X", b"x")]


@pytest.mark.parametrize("pattern", [None, name_pattern(["X-Spam-*"])])
def test_packets_beyond_the_number_are_treated_as_fields_are(pattern: NamePattern | None) -> None:
    packets, added = Fields(pattern), Fields(pattern)
    names = ["X"] * MAX_FIELDS + ["X", "Authentication-Results", "AUTHENTICATION-RESULTS", "x-spam-score", "Aha", ""]
    names += ["Authentication-Results-Too"]
    for name in names:
        packets.take(f"{name}\0 value\0rest".encode())
        added.add(name, b" value")
    assert packets.finish() == added.finish()


def test_without_the_leading_space_option_the_space_is_put_back() -> None:
    fields = Fields(None, leading_space=False)
    fields.take(b"Subject\0hello\0")
    fields.add("X", b"a\n b")
    assert fields.finish() == [("Subject", b" hello"), ("X", b" a\r\n b")]


def test_a_broken_packet_is_a_field_without_a_value() -> None:
    fields = Fields(None)
    fields.take(b"X-\xe9")
    assert fields.finish() == [("X-\xe9", b"")]


def full() -> Fields:
    fields = Fields(None)
    for _ in range(MAX_FIELDS):
        fields.add("X", b" 1")
    return fields


FLOOD = st.sampled_from(
    [
        Packet(b"L", b"X-A\0 1\0"),
        Packet(b"L", b"Aha\0 2\0"),
        Packet(b"L", b"authentication-RESULTS\0 3\0"),
        Packet(b"L", b"Authentication-Results"),
        Packet(b"L"),
        Packet(b"D", MACROS),
        Packet(b"D", b"Li\0Q2\0"),
        Packet(b"N"),
        Packet(b"M", b"<a@example.org>\0"),
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(FLOOD, max_size=40), st.lists(st.integers(0, 800), max_size=8))
def test_a_flood_passed_over_leaves_the_same_as_one_cut_into_packets(sent: list[Packet], cuts: list[int]) -> None:
    stream = b"".join(packet.encode() for packet in sent)
    fields, reader = full(), PacketReader()
    others: list[tuple[int, bytes]] = []
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]):
        # Whatever comes behind the header block belongs to another.
        over = partial(fields.pass_over, MACROS) if all(command in b"LD" for command, _ in others) else None
        for command, data in reader.feed(memoryview(stream)[start:end], over):
            if command == ord("L"):
                fields.take(data)
            else:
                others.append((command, data))
    whole = full()
    for packet in sent:
        if packet.command == b"L":
            whole.take(packet.data)
    assert fields.finish() == whole.finish()
    assert reader.held == 0
    expected = [(packet.command[0], packet.data) for packet in sent if packet.command != b"L"]
    repeated = (ord("D"), MACROS)
    assert [each for each in others if each != repeated] == [each for each in expected if each != repeated]


def test_of_a_flood_nothing_is_cut_out_but_what_may_have_to_be_stripped() -> None:
    fields = full()
    flood = [Packet(b"D", MACROS), Packet(b"L", b"Aha\0 1\0")] * 100
    stream = b"".join(packet.encode() for packet in [*flood, Packet(b"L", b"Authentication-Results\0 2\0")])
    assert PacketReader().feed(stream, partial(fields.pass_over, MACROS)) == [
        (ord("L"), b"Authentication-Results\0 2\0")
    ]
    assert fields.finish()[MAX_FIELDS:] == [LEFT_OUT] * 100


def test_an_impossible_length_ends_a_flood() -> None:
    with pytest.raises(ProtocolError, match="packet of 0 bytes"):
        PacketReader().feed(Packet(b"L", b"X\0\0").encode() + b"\0\0\0\0LX", partial(full().pass_over, b""))
