"""DKIM where libraries are known to fail: what RFC 6376 and libopendkim say of each case; and dkimpy as oracle."""

import base64
import time
from collections.abc import Callable

import dkim
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relayguard import DkimValue, Headers
from relayguard.core.message import split_message
from relayguard.testing import NOON, some_services
from tests.relayguard_plugins.dkim.signing import (
    CANONICAL_LENGTH,
    MESSAGE,
    Tags,
    ed25519_key,
    key_zone,
    only_result,
    pem,
    published,
    published_numbers,
    rsa_key,
    sign,
    txt,
    verify,
    verify_parts,
)

PASS, FAIL, POLICY = DkimValue.PASS, DkimValue.FAIL, DkimValue.POLICY
PERMERROR, TEMPERROR = DkimValue.PERMERROR, DkimValue.TEMPERROR

SIGNATURES: list[tuple[str, Tags, DkimValue, str | None]] = [
    ("an ordinary one", {}, PASS, None),
    ("h= without From", {"h": "to:subject"}, PERMERROR, "From is not signed"),
    ("empty h=", {"h": ""}, PERMERROR, "h= is missing"),
    ("i= under d=", {"i": "@mail.example.com"}, PASS, None),
    ("i= without @", {"i": "x.example.com"}, PERMERROR, "i= has no @"),
    ("i= that is d=", {"i": "example.com"}, PERMERROR, "i= has no @"),
    ("i= elsewhere", {"i": "@example.net"}, PERMERROR, "i= is not under d="),
    ("i= of a longer name", {"i": "@notexample.com"}, PERMERROR, "i= is not under d="),
    ("l= of the whole body", {"l": str(CANONICAL_LENGTH)}, PASS, None),
    ("l= larger", {"l": str(CANONICAL_LENGTH + 1)}, PERMERROR, "l= is larger than the body"),
    ("l= shorter", {"l": "4"}, POLICY, "l= leaves a part of the body unsigned"),
    ("l= 0", {"l": "0"}, POLICY, "l= leaves a part of the body unsigned"),
    ("l= of 70 digits", {"l": "9" * 70}, PERMERROR, "l= is larger than the body"),
    ("l= of 5000 digits", {"l": "9" * 5000}, PERMERROR, "l= is no number"),
    ("empty l=", {"l": ""}, PERMERROR, "l= is no number"),
    ("negative l=", {"l": "-1"}, PERMERROR, "l= is no number"),
    ("x= passed within the skew", {"x": str(int(NOON) - 300)}, PASS, None),
    ("x= passed", {"x": str(int(NOON) - 301)}, FAIL, "signature expired"),
    ("x= of 5000 digits", {"x": "9" * 5000}, PERMERROR, "x= is no time"),
    ("x= not after t=", {"t": str(int(NOON)), "x": str(int(NOON))}, PERMERROR, "x= is not after t="),
    ("t= in the future within the skew", {"t": str(int(NOON) + 300)}, PASS, None),
    ("t= in the future", {"t": str(int(NOON) + 301)}, FAIL, "signature is from the future"),
    ("t= no number", {"t": "now"}, PERMERROR, "t= is no time"),
    ("rsa-sha1", {"a": "rsa-sha1"}, POLICY, "rsa-sha1 is no longer valid"),
    ("an unknown algorithm", {"a": "rsa-md5"}, PERMERROR, "unknown algorithm"),
    ("upper case a=", {"a": "RSA-SHA256"}, PASS, None),
    ("upper case c=", {"c": "Relaxed/Relaxed"}, PASS, None),
    ("c= for the header alone", {"c": "relaxed"}, PASS, None),
    ("no c= at all", {"c": None}, PASS, None),
    ("an unknown c=", {"c": "nofws"}, PERMERROR, "unknown canonicalization"),
    ("q= with an option", {"q": "dns/txt:x"}, PASS, None),
    ("q= of another kind", {"q": "carrier/pigeon"}, PERMERROR, "unknown query method"),
    ("empty d=", {"d": ""}, PERMERROR, "d= is missing"),
    ("empty s=", {"s": ""}, PERMERROR, "s= is missing"),
    ("spaces inside d=", {"d": "exam ple.com"}, PERMERROR, "d= is no domain name"),
    ("d= folded", {"d": "example.\r\n com"}, PASS, None),
    ("s= folded", {"s": "s\r\n\t1"}, PASS, None),
    ("NUL in s=", {"s": "s1\0.any"}, PERMERROR, "s= is no domain name"),
    ("a quote in d=", {"d": "example.com'a.attack.example"}, PERMERROR, "d= is no domain name"),
    ("a parenthesis in d=", {"d": "example.com(a.attack.example"}, PERMERROR, "d= is no domain name"),
    ("upper case d=", {"d": "EXAMPLE.com"}, PASS, None),
    ("missing bh=", {"bh": None}, PERMERROR, "bh= is missing"),
    ("another bh=", {"bh": base64.b64encode(bytes(32)).decode()}, FAIL, "body hash did not verify"),
    ("bh= padded badly", {"bh": "YQ="}, PERMERROR, "bh= is no base64"),
    ("b= padded badly", {"b": "YQ="}, PERMERROR, "b= is no base64"),
    ("b= of another message", {"b": "YQ=="}, FAIL, "signature did not verify"),
    ("v=2", {"v": "2"}, PERMERROR, "unknown version"),
    ("missing v=", {"v": None}, PERMERROR, "v= is missing"),
    ("a tag of the future", {"zz": "1"}, PASS, None),
    ("a name signed that is not there", {"h": "from:subject:subject:reply-to"}, PASS, None),
]


@pytest.mark.parametrize(
    ("tags", "value", "reason"), [row[1:] for row in SIGNATURES], ids=[row[0] for row in SIGNATURES]
)
def test_a_signature_is_judged_by_the_standard(tags: Tags, value: DkimValue, reason: str | None) -> None:
    result = only_result(verify(sign(tags=tags)))
    assert (result.value, result.reason) == (value, reason)


def test_an_empty_tag_between_semicolons_is_tolerated() -> None:
    assert only_result(verify(sign(separator=";; "))).value is PASS


def test_a_tag_given_twice_is_an_error() -> None:
    result = only_result(verify(sign(separator="; d=example.net; ")))
    assert (result.value, result.reason) == (PERMERROR, "duplicate tag d=")


RSA = published(rsa_key())
ED25519 = published(ed25519_key())

KEYS: list[tuple[str, tuple[str, ...], Tags, DkimValue, str | None]] = [
    ("k= and v= left out", (f"p={RSA}",), {}, PASS, None),
    ("t=s and i= in a subdomain", (f"t=s; p={RSA}",), {"i": "@a.example.com"}, FAIL, "key does not allow subdomains"),
    ("t=s and i= at d=", (f"t=s; p={RSA}",), {"i": "x@example.com"}, PASS, None),
    ("t=s beside t=y", (f"t=y:s; p={RSA}",), {"i": "@a.example.com"}, FAIL, "key does not allow subdomains"),
    ("h=sha1", (f"h=sha1; p={RSA}",), {}, FAIL, "key does not allow sha256"),
    ("h=sha1:sha256", (f"h=sha1:sha256; p={RSA}",), {}, PASS, None),
    ("s=other:email", (f"s=other:email; p={RSA}",), {}, PASS, None),
    ("s=tlsrpt", (f"s=tlsrpt; p={RSA}",), {}, PERMERROR, "key is not for email"),
    ("junk first", ("google-site-verification=1", f"p={RSA}"), {}, PASS, None),
    ("v= first", (f"v=DKIM1; p={RSA}",), {}, PASS, None),
    ("v= not first", (f"p={RSA}; v=DKIM1",), {}, PERMERROR, "key record of an unknown version"),
    ("v=DKIM2", (f"v=DKIM2; p={RSA}",), {}, PERMERROR, "key record of an unknown version"),
    ("revoked", ("v=DKIM1; p=",), {}, PERMERROR, "key revoked"),
    ("without p=", ("v=DKIM1; k=rsa",), {}, PERMERROR, "key record without p="),
    ("no base64", ("p=MIIB!",), {}, PERMERROR, "key is no base64"),
    ("no key", ("p=YWJj",), {}, PERMERROR, "key cannot be read"),
    ("an unknown kind", (f"k=dsa; p={RSA}",), {}, PERMERROR, "unknown key type"),
    ("ed25519 for rsa", (f"k=ed25519; p={ED25519}",), {}, PERMERROR, "key is of another type"),
    ("rsa for ed25519", (f"k=rsa; p={RSA}",), {"a": "ed25519-sha256"}, PERMERROR, "key is of another type"),
    ("ed25519 of 31 octets", ("k=ed25519; p=" + "A" * 40 + "Ag==",), {}, PERMERROR, "ed25519 key of a wrong size"),
    ("RSA of 512 bits", (f"p={published_numbers(2**511 + 1, 3)}",), {}, POLICY, "key of 512 bits is too short"),
    ("RSA of 768 bits", (f"p={published_numbers(2**767 + 1, 3)}",), {}, POLICY, "key of 768 bits is too short"),
    ("RSA of 16384 bits", (f"p={published_numbers(2**16383 + 1, 65537)}",), {}, PERMERROR, "key too large"),
    ("an exponent of 65 bits", (f"p={published_numbers(2**2047 + 1, 2**64 + 1)}",), {}, PERMERROR, "key too large"),
    (
        "an exponent of 8192 bits",
        (f"p={published_numbers(2**8191 + 1, 2**8190 + 1)}",),
        {},
        PERMERROR,
        "key too large",
    ),
]


@pytest.mark.parametrize(
    ("records", "tags", "value", "reason"), [row[1:] for row in KEYS], ids=[row[0] for row in KEYS]
)
def test_a_key_is_judged_by_the_standard(
    records: tuple[str, ...], tags: Tags, value: DkimValue, reason: str | None
) -> None:
    result = only_result(verify(sign(tags=tags), key_zone(*records)))
    assert (result.value, result.reason) == (value, reason)


@pytest.mark.parametrize("change", [b"", b"more\r\n"], ids=["pass", "fail"])
def test_a_testing_key_is_shown_whatever_the_result(change: bytes) -> None:
    assert only_result(verify(sign() + change, key_zone(f"t=y; p={RSA}"))).testing


def test_a_signature_by_ed25519_passes() -> None:
    signed = sign(tags={"a": "ed25519-sha256"}, key=ed25519_key())
    assert only_result(verify(signed, key_zone(f"k=ed25519; p={ED25519}"))).value is PASS


def test_an_ed25519_signature_of_a_wrong_length_fails() -> None:
    signed = sign(tags={"a": "ed25519-sha256", "b": "YWJj"}, key=ed25519_key())
    assert only_result(verify(signed, key_zone(f"k=ed25519; p={ED25519}"))).value is FAIL


KEY_NAME = "s1._domainkey.example.com"

DNS = [
    (f"$SERVFAIL {KEY_NAME}.", TEMPERROR, "no answer for the key: SERVFAIL"),
    (f"$SILENT {KEY_NAME}.", TEMPERROR, "no answer for the key: timeout"),
    ("", PERMERROR, "no key for signature"),
    (f"{KEY_NAME}. IN A 192.0.2.1", PERMERROR, "no key for signature"),
]


@pytest.mark.parametrize(("zone", "value", "reason"), DNS, ids=["SERVFAIL", "silence", "NXDOMAIN", "NODATA"])
def test_trouble_with_dns_is_temporary_and_a_missing_key_is_not(zone: str, value: DkimValue, reason: str) -> None:
    result = only_result(verify(sign(), zone + "\n"))
    assert (result.value, result.reason) == (value, reason)


CHANGES: list[tuple[str, Callable[[bytes], bytes], DkimValue]] = [
    ("an obsolete field", lambda m: b"Foo : x\r\n" + m, PASS),
    ("eight-bit junk in a field", lambda m: b"X-Junk: \xff\xfe\x80\r\n" + m, PASS),
    ("a field without value", lambda m: b"X-Empty:\r\n" + m, PASS),
    ("a second Subject above", lambda m: b"Subject: Pay now\r\n" + m, PASS),
    ("a second From above", lambda m: b"From: eve@example.net\r\n" + m, FAIL),
    ("more white space in the body", lambda m: m.replace(b"At  noon. ", b"At \t noon."), PASS),
    ("more blank lines", lambda m: m + b"\r\n \t\r\n", PASS),
    ("another word", lambda m: m.replace(b"noon", b"dusk"), FAIL),
    ("another Subject", lambda m: m.replace(b"Lunch", b"Dinner"), FAIL),
    ("a Subject folded", lambda m: m.replace(b"Subject: ", b"Subject:\r\n "), PASS),
]


@pytest.mark.parametrize(("change", "value"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_only_a_change_of_what_is_signed_breaks_a_signature(
    change: Callable[[bytes], bytes], value: DkimValue
) -> None:
    assert only_result(verify(change(sign()))).value is value


def test_a_field_name_beyond_ascii_hides_no_signature() -> None:
    pairs, body = split_message(sign())
    headers = Headers.of(("X-J\xfcnk", b" 1"), *pairs)
    assert only_result(verify_parts(headers, body, some_services(key_zone()))).value is PASS


def test_the_signature_of_another_signer_may_be_signed_too() -> None:
    inner = sign(tags={"d": "example.net", "h": "from"})
    outer = sign(inner, {"h": "from:dkim-signature:dkim-signature"})
    zone = key_zone() + txt("s1._domainkey.example.net", f"p={RSA}")
    assert [effect.value for effect in verify(outer, zone) if hasattr(effect, "value")] == [PASS, PASS]


LINES = st.lists(st.text("ab \t.\xe9", max_size=12), max_size=6)
FORMS = st.sampled_from([b"simple", b"relaxed"])


@given(
    LINES, st.lists(st.text("ab \t", max_size=10), min_size=1, max_size=3), FORMS, FORMS, st.lists(st.integers(0, 99))
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_what_dkimpy_signs_verifies_however_it_is_cut(
    lines: list[str], subjects: list[str], header: bytes, body: bytes, cuts: list[int]
) -> None:
    text = "".join(f"{line}\r\n" for line in lines).encode()
    subject = "\r\n ".join(f"x{part}" for part in subjects)
    message = f"From: a@example.com\r\nSubject: {subject}\r\nX-Other:{subject}\r\n\r\n".encode() + text
    signed = dkim.sign(message, b"s1", b"example.com", pem(rsa_key(1024)), canonicalize=(header, body)) + message
    assert (
        only_result(verify(signed, key_zone(f"p={published(rsa_key(1024))}"), cuts=cuts, now=time.time())).value
        is PASS
    )


# Not the line ends: dkimpy strips a bare CR as white space, which RFC 6376 §2.8 does not.
PLACES = [place for place, octet in enumerate(MESSAGE) if octet not in b"\r\n"]


@given(st.integers(0, 10_000), st.sampled_from(b" \tax;=\n"), FORMS, FORMS)
@settings(deadline=None, max_examples=150)
def test_a_changed_message_verifies_if_and_only_if_dkimpy_says_so(
    place: int, octet: int, header: bytes, body: bytes
) -> None:
    record = f"p={published(rsa_key(1024))}"
    signature = dkim.sign(MESSAGE, b"s1", b"example.com", pem(rsa_key(1024)), canonicalize=(header, body))
    at = PLACES[place % len(PLACES)]
    changed = MESSAGE[:at] + bytes([octet]) + MESSAGE[at + 1 :]
    pairs, rest = split_message(signature + changed)
    seen = b"".join(name.encode() + b":" + value + b"\r\n" for name, value in pairs) + b"\r\n" + rest
    try:
        expected = dkim.verify(seen, dnsfunc=lambda name, timeout=5: record.encode())
    except dkim.DKIMException:
        expected = False
    effects = verify(signature + changed, key_zone(record), now=time.time())
    assert (only_result(effects).value is PASS) == expected
