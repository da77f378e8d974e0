from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import AddHeader, AddRecipient, ChangeHeader, ChangeSender, DeleteHeader, DeleteRecipient, Header

SUBJECT = Header("Subject", b" hello")
INJECTIONS = ["a\r\nBcc: x@example.com", "a\nBcc: x", "a\rBcc: x", "a\n", "a\r\n", "a\r", "a\n\nbody", "a\x00b", "\n"]


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_value_cannot_inject_a_header(value: str) -> None:
    with pytest.raises(ValueError, match="line end that does not fold"):
        AddHeader("X-Note", value)
    with pytest.raises(ValueError, match="the value of Subject"):
        ChangeHeader(SUBJECT, value)


@pytest.mark.parametrize("value", ["plain", "", "one\n two", "one\r\n\ttwo", "gr\u00fc\u00dfe", "a\n b\n c"])
def test_a_value_may_fold(value: str) -> None:
    assert AddHeader("X-Note", value).value == value
    assert ChangeHeader(SUBJECT, value).value == value


@pytest.mark.parametrize("name", ["", "X Note", "X:", "X\r\nBcc", "X\n", "\u00dc", "X\x7f", "x" * 77])
def test_a_field_name_is_printable_ascii_without_colon(name: str) -> None:
    with pytest.raises(ValueError, match="no header field name"):
        AddHeader(name, "value")


@pytest.mark.parametrize(
    ("value", "reason"), [("x" * 60_001, "longer than"), ("\u00fc" * 30_001, "longer than"), ("\ud800", "Unicode")]
)
def test_a_value_that_no_mta_takes_cannot_be_built(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        AddHeader("X-Note", value)


@pytest.mark.parametrize("edit", [AddRecipient, DeleteRecipient, ChangeSender])
@pytest.mark.parametrize(
    "path", ["<a@example.com>", "a@example.com> SIZE=1", "a b@x", "a@x\r\nDATA", "\u00fc@x", "a\x00@x"]
)
def test_an_address_cannot_inject_a_command(edit: Callable[[str], object], path: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        edit(path)


def test_only_a_sender_can_be_null() -> None:
    assert not ChangeSender("").address
    for recipient in (AddRecipient, DeleteRecipient):
        with pytest.raises(ValueError, match="is no address"):
            recipient("")


@given(st.text(alphabet="a \t\r\n\x00:\u00fc"))
def test_whatever_can_be_built_is_one_header(value: str) -> None:
    try:
        edit = AddHeader("X", value)
    except ValueError:
        return
    lines = edit.value.replace("\r\n", "\n").split("\n")
    assert "\r" not in "".join(lines)
    assert all(line[:1] in (" ", "\t") for line in lines[1:])


@pytest.mark.parametrize("address", ["a" * 600 + "@example.com", None, 5])
@pytest.mark.parametrize("edit", [AddRecipient, DeleteRecipient, ChangeSender])
def test_an_address_that_no_mta_takes_cannot_be_asked_for(edit: type[AddRecipient], address: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        edit(address)


def test_only_a_field_of_the_message_can_be_deleted_or_changed() -> None:
    with pytest.raises(TypeError, match="must be one of the message's own header fields"):
        DeleteHeader("Subject")  # type: ignore[arg-type]  # a likely mistake
    with pytest.raises(TypeError, match="must be one of the message's own header fields"):
        ChangeHeader("Subject", "x")  # type: ignore[arg-type]  # another
