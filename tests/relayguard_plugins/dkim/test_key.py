import hashlib
from contextlib import suppress
from itertools import permutations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Cap, DkimValue
from relayguard_plugins.dkim.key import MAX_RECORD, choose_key, parse_key
from relayguard_plugins.dkim.values import SignatureError
from tests.relayguard_plugins.dkim.signing import ed25519_key, published, published_numbers, rsa_key

RSA = published(rsa_key()).encode()
ED25519 = published(ed25519_key()).encode()
DIGEST = hashlib.sha256(b"signed").digest()


def test_a_key_says_what_it_is_for() -> None:
    key = parse_key(b"v=DKIM1; k=RSA; h=SHA256:x; t=y:s; n=a note; p=" + RSA)
    assert (key.kind, key.hash_names, key.testing, key.strict) == ("rsa", frozenset({b"sha256", b"x"}), True, True)


def test_a_key_that_says_nothing_is_for_rsa_and_for_everything() -> None:
    key = parse_key(b"p=" + RSA)
    assert (key.kind, key.hash_names, key.testing, key.strict) == ("rsa", None, False, False)


def test_a_key_may_hold_white_space() -> None:
    assert parse_key(b"p=" + RSA[:20] + b" \r\n\t" + RSA[20:]).kind == "rsa"


def test_an_rsa_key_verifies_its_own_signature_alone() -> None:
    key = parse_key(b"p=" + RSA)
    signature = rsa_key().sign(b"signed", padding.PKCS1v15(), hashes.SHA256())
    assert key.verifies(signature, DIGEST)
    assert not key.verifies(signature, hashlib.sha256(b"other").digest())
    assert not key.verifies(signature[:-1], DIGEST)
    assert not key.verifies(b"", DIGEST)


def test_an_ed25519_key_verifies_its_own_signature_alone() -> None:
    key = parse_key(b"k=ed25519; p=" + ED25519)
    signature = ed25519_key().sign(DIGEST).signature
    assert key.verifies(signature, DIGEST)
    assert not key.verifies(signature, bytes(32))
    assert not key.verifies(signature[:63], DIGEST)
    assert not key.verifies(b"", DIGEST)


@pytest.mark.parametrize(
    ("modulus", "exponent", "value"),
    [
        (2**1022 + 1, 65537, DkimValue.POLICY),
        (2**8192 + 1, 65537, DkimValue.PERMERROR),
        (2**16383 + 1, 2**16382 + 1, DkimValue.PERMERROR),
        (2**2047 + 1, 2**64 + 1, DkimValue.PERMERROR),
    ],
    ids=["1023 bits", "8193 bits", "16384 bits twice", "exponent of 65 bits"],
)
def test_a_key_out_of_bounds_is_refused_before_any_arithmetic(modulus: int, exponent: int, value: DkimValue) -> None:
    with pytest.raises(SignatureError) as error:
        parse_key(b"p=" + published_numbers(modulus, exponent).encode())
    assert (error.value.value, error.value.cap) == (value, Cap.DKIM_KEY)


@pytest.mark.parametrize("bits", [1024, 8192])
def test_a_key_within_bounds_is_read(bits: int) -> None:
    assert parse_key(b"p=" + published_numbers(2 ** (bits - 1) + 1, 65537).encode()).kind == "rsa"


def test_a_record_too_large_is_not_read() -> None:
    with pytest.raises(SignatureError, match="key record too large"):
        choose_key((b"p=" + RSA + b"; n=" + b"x" * MAX_RECORD,), "rsa")


def test_of_several_records_a_usable_one_is_taken_and_the_same_in_any_order() -> None:
    texts = (b"junk", b"p=", b"t=y; p=" + RSA, b"p=" + RSA)
    assert {choose_key(each, "rsa").testing for each in permutations(texts)} == {False}


@pytest.mark.parametrize(
    ("texts", "reason"),
    [((b"p=", b"junk"), "key revoked"), ((b"", b"p="), "key revoked"), ((), "no key record")],
)
def test_if_no_record_is_usable_the_first_that_looks_like_a_key_says_why(
    texts: tuple[bytes, ...], reason: str
) -> None:
    with pytest.raises(SignatureError, match=reason):
        choose_key(texts, "rsa")


@given(st.binary(max_size=120) | st.binary(max_size=60).map(lambda junk: b"p=MIGf; k=" + junk))
@settings(deadline=None)
def test_no_record_breaks_the_reader(text: bytes) -> None:
    with suppress(SignatureError):
        parse_key(text)


@pytest.mark.parametrize("stray", [b"v=spf1 -all", b"junk"])
def test_what_is_wrong_with_a_key_does_not_depend_on_the_order_of_the_records(stray: bytes) -> None:
    for texts in ((b"v=DKIM1; p=", stray), (stray, b"v=DKIM1; p=")):
        with pytest.raises(SignatureError, match="key revoked"):
            choose_key(texts, "rsa")


def test_of_several_keys_the_one_that_fits_is_taken_in_whatever_order_they_come() -> None:
    texts = (f"p={published(rsa_key())}".encode(), f"k=ed25519; p={published(ed25519_key())}".encode())
    for each in (texts, texts[::-1]):
        assert choose_key(each, "rsa").kind == "rsa"
        assert choose_key(each, "ed25519").kind == "ed25519"
        assert choose_key(each, "dsa") == choose_key(texts, "dsa")


def test_a_broken_key_of_the_kind_that_was_meant_says_what_is_wrong_beside_a_good_one_of_another() -> None:
    revoked, other = b"v=DKIM1; p=", f"k=ed25519; p={published(ed25519_key())}".encode()
    with pytest.raises(SignatureError, match="key revoked"):
        choose_key((other, revoked), "rsa")
    assert choose_key((other, b"junk"), "rsa").kind == "ed25519"
