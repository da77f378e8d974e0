import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Cap, DkimResult, DkimValue, Header
from relayguard_plugins.dkim.signature import describe_broken, parse_signature
from relayguard_plugins.dkim.values import MAX_BYTES, MAX_NAMES, SignatureError

PLAIN = b" v=1; a=rsa-sha256; d=example.com; s=s1; h=From:To; bh=YWJj; b=c2ln bmF0\r\n\tdXJl"
"""Whatever is left to its default."""


def field(value: bytes) -> Header:
    return Header("DKIM-Signature", value)


def parse_error(value: bytes) -> SignatureError:
    with pytest.raises(SignatureError) as error:
        parse_signature(field(value))
    return error.value


def test_what_a_signature_leaves_out_has_its_default() -> None:
    signature = parse_signature(field(PLAIN))
    assert not signature.relaxed_header
    assert not signature.relaxed_body
    assert signature.identity_domain == "example.com"
    assert (signature.length, signature.expires, signature.timestamp) == (None, None, None)


def test_what_a_signature_says_is_read() -> None:
    tags = b"; c=relaxed/simple; i=a@MAIL.example.com; l=12; t=1; x=2"
    signature = parse_signature(field(PLAIN + tags))
    assert (signature.relaxed_header, signature.relaxed_body) == (True, False)
    assert signature.identity_domain == "mail.example.com"
    assert (signature.length, signature.timestamp, signature.expires) == (12, 1, 2)
    assert signature.names == (b"from", b"to")
    assert (signature.body_hash, signature.signature, signature.tag) == (b"abc", b"signature", "c2lnbmF0")


@pytest.mark.parametrize("name", [b"v", b"a", b"b", b"bh", b"d", b"h", b"s"])
def test_a_required_tag_that_is_missing_is_an_error(name: bytes) -> None:
    without = b";".join(spec for spec in PLAIN.split(b";") if spec.partition(b"=")[0].strip() != name)
    assert parse_error(without).reason == f"{name.decode()}= is missing"


def test_a_signature_larger_than_8_kb_is_not_read() -> None:
    error = parse_error(PLAIN + b" " * MAX_BYTES)
    assert (error.value, error.cap) == (DkimValue.PERMERROR, Cap.DKIM_SIGNATURE_SIZE)


@pytest.mark.parametrize("names", [MAX_NAMES, MAX_NAMES + 1])
def test_a_signature_may_name_a_hundred_fields(names: int) -> None:
    value = PLAIN.replace(b"From:To", b":".join([b"From"] * names))
    if names == MAX_NAMES:
        assert len(parse_signature(field(value)).names) == MAX_NAMES
    else:
        assert parse_error(value).cap is Cap.DKIM_SIGNED_NAMES


def test_rsa_sha1_is_a_matter_of_policy() -> None:
    assert parse_error(PLAIN.replace(b"sha256", b"sha1")).value is DkimValue.POLICY


def test_a_broken_signature_is_described_as_far_as_it_can_be_read() -> None:
    header = field(PLAIN.replace(b"s=s1", b"s=\0"))
    error = parse_error(header.value)
    expected = DkimResult(
        value=DkimValue.PERMERROR, domain="example.com", algorithm="rsa-sha256", reason="s= is no domain name"
    )
    assert describe_broken(header, error) == expected


@pytest.mark.parametrize("value", [b"junk", PLAIN + b" " * MAX_BYTES], ids=["junk", "too large"])
def test_a_signature_that_cannot_be_read_at_all_is_described_by_its_error(value: bytes) -> None:
    error = parse_error(value)
    assert describe_broken(field(value), error) == DkimResult(value=DkimValue.PERMERROR, reason=error.reason)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda junk: PLAIN + b";" + junk))
@settings(deadline=None)
def test_no_bytes_break_the_reader(value: bytes) -> None:
    try:
        parse_signature(field(value))
    except SignatureError as error:
        described = describe_broken(field(value), error)
    else:
        return
    assert described.value in (DkimValue.PERMERROR, DkimValue.POLICY)
