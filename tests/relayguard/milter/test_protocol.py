from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard.milter.protocol import (
    MAX_PACKET,
    Command,
    Edit,
    Negotiation,
    Packet,
    PacketReader,
    Protocol,
    ProtocolError,
    Response,
    connect,
    macro_lists,
    macros,
    read_address,
    split,
)

packets = st.lists(
    st.builds(Packet, st.sampled_from([c.value for c in Command]), st.binary(max_size=300)), max_size=8
)


@given(packets, st.lists(st.integers(0, 3000), max_size=10))
def test_packets_are_the_same_however_the_stream_is_cut(sent: list[Packet], cuts: list[int]) -> None:
    stream = b"".join(packet.encode() for packet in sent)
    reader = PacketReader()
    received: list[tuple[int, bytes]] = []
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    for start, end in pairwise(edges):
        received += reader.feed(memoryview(stream)[start:end])
    assert received == [(packet.command[0], packet.data) for packet in sent]
    assert reader.held == 0


@pytest.mark.parametrize("length", [0, MAX_PACKET + 1, 0xFFFFFFFF])
def test_a_packet_of_an_impossible_length_is_refused_before_it_is_read(length: int) -> None:
    for cut in range(5):
        reader = PacketReader()
        whole = length.to_bytes(4) + b"O"
        assert reader.feed(whole[:cut]) == []
        with pytest.raises(ProtocolError, match=f"packet of {length} bytes"):
            reader.feed(whole[cut:])


def test_what_came_before_an_impossible_length_counts() -> None:
    reader = PacketReader()
    assert reader.feed(Packet(b"c").encode() + b"\0\0\0\0O") == [(ord("c"), b"")]
    with pytest.raises(ProtocolError, match="packet of 0 bytes"):
        reader.feed(b"?")


def test_a_negotiation_is_read_as_it_was_written() -> None:
    offered = Negotiation(6, 0x1FF, Protocol.NR_BODY | Protocol.LEADING_SPACE)
    assert Negotiation.decode(offered.encode() + b"\0\0\0\2i\0") == offered


def test_a_negotiation_that_is_too_short_is_refused() -> None:
    with pytest.raises(ProtocolError, match="too short"):
        Negotiation.decode(b"\0\0\0\6")


def test_clients_are_reported_by_family() -> None:
    assert connect(b"a.example", ip_address("192.0.2.1"), 25) == b"a.example\x004\x00\x19192.0.2.1\x00"
    assert connect(b"a.example", ip_address("2001:db8::1"), 25) == b"a.example\x006\x00\x19IPv6:2001:db8::1\x00"
    assert connect(b"local", None, 0) == b"local\0U"


def test_macros_go_with_the_command_they_belong_to() -> None:
    assert macros(Command.MAIL, {"i": b"Q1", "{auth_authen}": b"bob"}) == b"Mi\0Q1\0{auth_authen}\0bob\0"


def test_macro_lists_are_read_by_stage() -> None:
    assert macro_lists(b"\0\0\0\2i {auth_authen}\0\0\0\0\5i\0") == {2: ("i", "{auth_authen}"), 5: ("i",)}
    with pytest.raises(ProtocolError):
        macro_lists(b"\0\0\0\2i")


def test_header_edits_carry_an_index_and_others_none() -> None:
    inserted = Edit.decode(Packet(b"i", b"\0\0\0\1X-A\0 b\0"))
    assert inserted == Edit(Response.INSERT_HEADER, (b"X-A", b" b"), 1)
    assert Edit.decode(Packet(b"+", b"<a@b>\0")) == Edit(Response.ADD_RECIPIENT, (b"<a@b>",))
    assert Edit.decode(Packet(b"b", b"body\0")) == Edit(Response.REPLACE_BODY, (b"body\0",))
    with pytest.raises(ProtocolError):
        Edit.decode(Packet(b"i", b"\0"))


def test_texts_are_split_at_nul() -> None:
    assert split(b"a\0\0b\0") == [b"a", b"", b"b"]


@pytest.mark.parametrize("command", [b"c", b"O", b"?", b"\xff"])
def test_what_is_no_edit_is_refused(command: bytes) -> None:
    with pytest.raises(ProtocolError, match="not an edit"):
        Edit.decode(Packet(command, b"x\0"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("IPv6:2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unknown", None),
        ("192.0.2.\ufffd", None),
    ],
)
def test_an_address_is_read_as_mtas_write_it(text: str, address: str | None) -> None:
    assert read_address(text) == (ip_address(address) if address else None)
