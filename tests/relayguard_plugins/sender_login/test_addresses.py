import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import parse_path
from relayguard_plugins.sender_login.addresses import (
    MAX_LENGTH,
    entries_for,
    read_entry,
    spelled,
    spelled_path,
    without_subaddress,
)


@pytest.mark.parametrize(
    "written",
    ["bob@example.com", "Bob@Example.COM", '"bob"@example.com', '"b\\ob"@example.com', "<BOB@example.com.>"],
)
def test_one_mailbox_has_one_spelling_however_it_is_written(written: str) -> None:
    assert spelled_path(parse_path(written.encode())) == "bob@example.com"


def test_a_domain_is_in_a_labels() -> None:
    assert spelled_path(parse_path("jürgen@MÜNCHEN.example".encode())) == "jürgen@xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    "written", ["", "postmaster", "bob", "bob@", "@example.com", "bob@-.com", "b ob@example.com"]
)
def test_what_is_no_whole_address_has_no_spelling(written: str) -> None:
    assert spelled_path(parse_path(written.encode())) is None


def test_two_people_are_not_made_one_by_folding_their_letters() -> None:
    assert spelled("strauß", "example.com") != spelled("strauss", "example.com")


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("*", "*"),
        ("@Example.com", "@example.com"),
        ("@münchen.example", "@xn--mnchen-3ya.example"),
        ("A@b.c", "a@b.c"),
    ],
)
def test_an_entry_is_an_address_a_domain_or_everything(text: str, entry: str) -> None:
    assert read_entry(text) == entry


@pytest.mark.parametrize(
    "text", ["", "bob", "@", "example.com", "@a..b", "**", "bob@a@example.com", f"{'a' * 320}@b.c"]
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address, no @domain and not"):
        read_entry(text)


@pytest.mark.parametrize(
    ("address", "delimiters", "base"),
    [
        ("bob+news@example.com", "+", "bob@example.com"),
        ("bob+a+b@example.com", "+", "bob@example.com"),
        ("bob-news@example.com", "+-", "bob@example.com"),
        ("bob-a+b@example.com", "+-", "bob@example.com"),
        ("bob+news@example.com", "", "bob+news@example.com"),
        ("bob-news@example.com", "+", "bob-news@example.com"),
        ("+news@example.com", "+", "+news@example.com"),
        ("+a+b@example.com", "+", "+a+b@example.com"),
        ("-a+b@example.com", "+-", "-a+b@example.com"),
        ("bob@ex-ample.com", "-", "bob@ex-ample.com"),
        ("a@b+c@example.com", "+", "a@b@example.com"),
    ],
)
def test_a_subaddress_counts_as_the_address_before_the_delimiter(address: str, delimiters: str, base: str) -> None:
    assert without_subaddress(address, delimiters) == base


def test_the_nearest_entry_comes_first() -> None:
    assert entries_for("bob@example.com", "+") == ("bob@example.com", "@example.com", "*")


def test_no_entry_is_asked_for_that_nobody_could_have_written() -> None:
    assert entries_for(f"bob+{'x' * MAX_LENGTH}@example.com", "+") == ("bob@example.com", "@example.com", "*")


@given(st.text(), st.sampled_from(["", "+", "+-", "=+"]))
def test_any_local_part_leads_to_few_and_different_entries_that_end_in_everything(
    local: str, delimiters: str
) -> None:
    entries = entries_for(spelled(local, "example.com"), delimiters)
    assert entries[-2:] == ("@example.com", "*")
    assert len(set(entries)) == len(entries) <= 4


@given(st.binary(max_size=100))
def test_any_path_has_a_spelling_or_none(path: bytes) -> None:
    address = spelled_path(parse_path(path))
    assert address is None or entries_for(address, "+")[-1] == "*"


@pytest.mark.parametrize(
    "address",
    ["bob+ <ceo@example.com>@example.com", 'bob+"x"@example.com', "bob+a b@example.com", "bob+(x)@example.com"],
)
def test_what_holds_another_address_behind_the_delimiter_is_no_subaddress(address: str) -> None:
    assert without_subaddress(address, "+") == address


def test_a_sign_that_only_looks_like_a_letter_is_another_mailbox() -> None:
    assert spelled("mar\u212a", "example.com") == "mar\u212a@example.com"
    assert spelled("J\u00dcRGEN", "example.com") == "j\u00fcrgen@example.com"
