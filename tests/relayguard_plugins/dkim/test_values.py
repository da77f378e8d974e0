import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import DkimValue, Header
from relayguard_plugins.dkim.values import (
    SignatureError,
    read_algorithm,
    read_base64,
    read_canonicalizations,
    read_domain,
    read_length,
    read_names,
    read_tags,
    read_time,
)


@pytest.mark.parametrize(
    ("domain", "read"),
    [
        (b"EXAMPLE.com", "example.com"),
        (b"exam\r\n\tple.com", "example.com"),
        ("münchen.example".encode(), "xn--mnchen-3ya.example"),
        (b"xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    ],
)
def test_a_domain_is_read_in_a_labels(domain: bytes, read: str) -> None:
    assert read_domain(domain, "d") == read


@pytest.mark.parametrize("domain", [b"\xff.example", b"exam ple.com", b"a..b", b"a\0b", b"a'b", b"-a.b", b"x" * 64])
def test_what_is_no_domain_is_an_error(domain: bytes) -> None:
    with pytest.raises(SignatureError, match="s= is no domain name"):
        read_domain(domain, "s")


def test_an_algorithm_is_read_in_any_case_and_sha1_is_a_matter_of_policy() -> None:
    assert read_algorithm(b"Ed25519-SHA256") == "ed25519-sha256"
    with pytest.raises(SignatureError) as error:
        read_algorithm(b"rsa-sha1")
    assert error.value.value is DkimValue.POLICY


def test_the_body_is_simple_unless_said_otherwise() -> None:
    assert read_canonicalizations(b"Relaxed") == ("relaxed", "simple")
    with pytest.raises(SignatureError):
        read_canonicalizations(b"/")


def test_names_are_lowered_and_keep_their_order() -> None:
    assert read_names(b"From : To:\r\n\tfrom") == (b"from", b"to", b"from")


@given(
    st.lists(st.sampled_from([b"From", b"to", b":", b" ", b"\r\n\t", b"\x01", b"\x0b"]), max_size=12).map(b"".join)
)
def test_names_are_split_at_their_colons_and_stripped_however_they_are_folded(value: bytes) -> None:
    assert read_names(value) == tuple(name.strip(b" \t\r\n").lower() for name in value.split(b":"))


def test_white_space_in_base64_is_ignored_and_junk_is_not() -> None:
    assert read_base64(b"YW\r\n\tJj", "b") == b"abc"
    with pytest.raises(SignatureError, match="bh= is no base64"):
        read_base64(b"YW!j", "bh")


@pytest.mark.parametrize("value", [b"", b"-1", b"1 2", b"9" * 77])
def test_a_length_is_a_number_of_up_to_76_digits(value: bytes) -> None:
    assert read_length(b"9" * 76) == 10**76 - 1
    assert read_length(None) is None
    with pytest.raises(SignatureError, match="l= is no number"):
        read_length(value)


@pytest.mark.parametrize("value", [b"", b"now", b"1 2", b"9" * 13])
def test_a_time_is_a_number_of_up_to_12_digits(value: bytes) -> None:
    assert read_time({"t": b"999999999999"}, "t") == 10**12 - 1
    assert read_time({}, "t") is None
    with pytest.raises(SignatureError, match="t= is no time"):
        read_time({"t": value}, "t")


def test_an_empty_tag_is_tolerated_unless_asked_to_be_strict() -> None:
    field = Header("ARC-Seal", b" a=1;; b=2;")
    assert read_tags(field, ("a", "b")) == {"a": b"1", "b": b"2"}
    with pytest.raises(SignatureError, match="a tag has no value"):
        read_tags(field, ("a", "b"), strict=True)
    assert read_tags(Header("ARC-Seal", b" a=1; b=2;"), (), strict=True) == {"a": b"1", "b": b"2"}


def test_no_signature_names_a_field_beyond_ascii() -> None:
    assert read_names(b"From : SUBJECT") == (b"from", b"subject")
    with pytest.raises(SignatureError, match="h= names a field that cannot be"):
        read_names(b"from:\xe9")
