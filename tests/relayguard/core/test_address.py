import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import NULL_SENDER, Address, parse_path


@pytest.mark.parametrize(
    ("path", "local", "domain"),
    [
        (b"<bob@example.com>", "bob", "example.com"),
        (b"bob@Example.COM", "bob", "example.com"),
        (b"<b.o-b+tag@example.com.>", "b.o-b+tag", "example.com"),
        (b'<"a b"@example.com>', '"a b"', "example.com"),
        (b'<"a\\"@b"@example.com>', '"a\\"@b"', "example.com"),
        (b"<bob@[192.0.2.1]>", "bob", "[192.0.2.1]"),
        (b"<bob@[IPv6:2001:DB8::1]>", "bob", "[ipv6:2001:db8::1]"),
        ("<bj\u00f6rn@m\u00fcnchen.example>".encode(), "bj\u00f6rn", "xn--mnchen-3ya.example"),
        (b"<Postmaster>", "Postmaster", ""),
        # E-S07: a source route is taken off, what follows it is judged.
        (b"<@legitimate.com,@any.com:'any@attack.com>", "'any", "attack.com"),
    ],
)
def test_a_path_is_read_as_the_standard_says(path: bytes, local: str, domain: str) -> None:
    address = parse_path(path)
    assert (address.local, address.domain, address.defect) == (local, domain, None)


@pytest.mark.parametrize(
    ("path", "defect"),
    [
        pytest.param(b"<(any@legitimate.com>", "malformed local part", id="E-S02"),
        pytest.param(b"<any@legitimate.com(a.attack.com>", "malformed domain", id="E-S05"),
        pytest.param(b"<any@legitimate.com'@any.attack.com>", "malformed local part", id="E-S06"),
        (b"<bob>", "no domain"),
        (b"<bob@>", "malformed domain"),
        (b"<@example.com>", "malformed local part"),
        (b"<bob..x@example.com>", "malformed local part"),
        (b"<.bob@example.com>", "malformed local part"),
        (b"<bob@a..b>", "malformed domain"),
        (b"<bob@example.com\x00>", "malformed domain"),
        (b"<bo\rb@example.com>", "malformed local part"),
        (b'<"a"b@example.com>', "malformed local part"),
        (b"<bob@\xff.example>", "not UTF-8"),
        (b"<" + b"a" * 1100 + b"@example.com>", "longer than 1024 octets"),
        (b"<bob@example.com", "malformed local part"),
    ],
)
def test_a_malformed_path_has_a_defect_and_no_domain_to_guess_from(path: bytes, defect: str) -> None:
    address = parse_path(path)
    assert (address.local, address.domain, address.defect) == ("", "", defect)
    assert not address.is_null


@pytest.mark.parametrize("path", [b"<>", b""])
def test_the_null_sender_is_nobody(path: bytes) -> None:
    address = parse_path(path)
    assert address == NULL_SENDER
    assert address.is_null
    assert not str(address)


def test_an_address_is_shown_as_people_write_it() -> None:
    assert str(parse_path(b"<Bob@EXAMPLE.com>")) == "Bob@example.com"
    assert not str(parse_path(b"<bob@@>"))


@given(st.binary(max_size=1200) | st.text(alphabet="ab@.<>()\"\\[]:, '\u00fc\r\n\x00").map(str.encode))
def test_reading_any_path_never_raises(path: bytes) -> None:
    address = parse_path(path)
    assert isinstance(address, Address)
    assert not (address.defect and (address.local or address.domain))
