import pytest

from relayguard.milter.fields import MAX_BYTES, Fields
from relayguard.pipeline.forged import NamePattern, name_pattern
from relayguard.pipeline.visible import LEFT_OUT, MAX_FIELDS


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
