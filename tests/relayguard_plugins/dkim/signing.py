"""The sender's side of DKIM, straight from RFC 6376: signatures with any tags, keys of any kind, and the reader's hooks."""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import nacl.signing
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from relayguard import DkimResult, Effect, Headers, Services, Watch
from relayguard.core.message import split_message
from relayguard.testing import NOON, FrozenClock, an_envelope, collect, some_services
from relayguard_plugins.dkim.filter import DkimFilter, Options

MESSAGE = b"From: Alice <alice@example.com>\r\nTo: bob@example.org\r\nSubject: Lunch?\r\n\r\nAt  noon. \r\n\r\n"
CANONICAL_LENGTH = 10
"""The octets of MESSAGE's body in relaxed form."""

Tags = dict[str, str | None]


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ed25519_key() -> nacl.signing.SigningKey:
    return nacl.signing.SigningKey(bytes(range(32)))


def pem(key: rsa.RSAPrivateKey) -> bytes:
    traditional, clear = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, traditional, clear)


def published(key: rsa.RSAPrivateKey | nacl.signing.SigningKey) -> str:
    """The ``p=`` value of a key."""
    if isinstance(key, nacl.signing.SigningKey):
        return base64.b64encode(bytes(key.verify_key)).decode()
    der, spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(der, spki)).decode()


def published_numbers(modulus: int, exponent: int) -> str:
    """The ``p=`` value of an RSA key that no library would make, in DER (RFC 3279 §2.3.1)."""
    oid = bytes.fromhex("06092a864886f70d0101010500")
    numbers = _der(0x30, _der_integer(modulus) + _der_integer(exponent))
    return base64.b64encode(_der(0x30, _der(0x30, oid) + _der(0x03, b"\0" + numbers))).decode()


def _der_integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def txt(name: str, *records: str) -> str:
    """Lines of a zone file: one TXT record each, in strings of at most 255 octets."""
    return "".join(f"{name}. IN TXT {_strings(text)}\n" for text in records)


def _strings(text: str) -> str:
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


def key_zone(*records: str) -> str:
    """A zone with these key records for s1._domainkey.example.com; without any, with the right one."""
    return txt("s1._domainkey.example.com", *(records or (f"v=DKIM1; k=rsa; p={published(rsa_key())}",)))


def canonical_body(body: bytes, *, relaxed: bool) -> bytes:
    """RFC 6376 §3.4.3 and §3.4.4, on the whole body and in the simplest way."""
    if relaxed:
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
        body = b"\r\n".join(lines)
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n" if body or not relaxed else b""


def canonical_field(name: str, value: bytes, *, relaxed: bool) -> bytes:
    """RFC 6376 §3.4.1 and §3.4.2."""
    if not relaxed:
        return name.encode("latin-1") + b":" + value
    unfolded = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b""))
    return name.lower().rstrip(" \t").encode("latin-1") + b":" + unfolded.strip(b" ")


def sign(
    message: bytes = MESSAGE,
    tags: Tags | None = None,
    *,
    key: rsa.RSAPrivateKey | nacl.signing.SigningKey | None = None,
    separator: str = "; ",
) -> bytes:
    """Return `message` with a signature on top: `tags` over the usual ones, None for none; b= comes last."""
    pairs, body = split_message(message)
    given = {"v": "1", "a": "rsa-sha256", "c": "relaxed/relaxed", "d": "example.com", "s": "s1", "h": "from:subject"}
    merged: Tags = {**given, **(tags or {})}
    forms = (merged["c"] or "simple/simple").lower().partition("/")
    content = canonical_body(body, relaxed=forms[2] == "relaxed")
    length = merged.get("l")
    if length is not None and length.isdigit() and len(length) < 100:
        content = content[: int(length)]
    merged = {"bh": base64.b64encode(hashlib.sha256(content).digest()).decode(), **merged}
    value = " " + separator.join(
        f"{name}={text}" for name, text in merged.items() if text is not None and name != "b"
    )
    value += f"{separator}b="
    written = _names_as_written(pairs, message)
    signature = _signed(written, merged["h"] or "", value, key or rsa_key(), relaxed=forms[0] == "relaxed")
    b = merged.get("b") or base64.b64encode(signature).decode()
    return b"DKIM-Signature:" + value.encode("utf-8") + b.encode() + b"\r\n" + message


def _names_as_written(pairs: list[tuple[str, bytes]], message: bytes) -> list[tuple[str, bytes]]:
    """RFC 6376 §3.4.1: the simple form keeps white space before the colon, which no MTA hands over."""
    names = re.finditer(rb"^[\x21-\x39\x3b-\x7e]+[ \t]*(?=:)", message, re.MULTILINE)
    return [(name[0].decode("ascii"), value) for name, (_, value) in zip(names, pairs, strict=False)]


def _signed(
    pairs: list[tuple[str, bytes]],
    names: str,
    value: str,
    key: rsa.RSAPrivateKey | nacl.signing.SigningKey,
    *,
    relaxed: bool,
) -> bytes:
    left = list(pairs)
    content = b""
    for name in names.split(":"):
        # RFC 6376 §5.4.2: from the bottom up.
        index = next(
            (i for i in reversed(range(len(left))) if left[i][0].rstrip().lower() == name.strip().lower()), None
        )
        if index is not None:
            content += canonical_field(*left.pop(index), relaxed=relaxed) + b"\r\n"
    content += canonical_field("DKIM-Signature", value.encode("utf-8"), relaxed=relaxed)
    if isinstance(key, nacl.signing.SigningKey):
        return key.sign(hashlib.sha256(content).digest()).signature
    return key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def verify(
    message: bytes,
    zone: str | None = None,
    *,
    cuts: Iterable[int] = (),
    options: Options | None = None,
    now: float = NOON,
) -> list[Effect]:
    """What the DKIM filter finds at `now` in `message`, whose body comes in chunks that are cut at `cuts`."""
    pairs, body = split_message(message)
    services = replace(some_services(key_zone() if zone is None else zone), clock=FrozenClock(now))
    return verify_parts(Headers.of(*pairs), body, services, cuts=cuts, options=options)


def verify_parts(
    headers: Headers, body: bytes, services: Services, *, cuts: Iterable[int] = (), options: Options | None = None
) -> list[Effect]:
    """The same for a message in its parts."""
    dkim = DkimFilter(options or Options(), services)
    envelope = an_envelope()
    watches = [effect for effect in collect(dkim.end_of_headers(envelope, headers)) if isinstance(effect, Watch)]
    for chunk in chunks(body, cuts):
        for watch in watches:
            watch.reader.feed(chunk)
    return collect(dkim.end_of_message(envelope, headers))


def chunks(body: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """Cut a body at these places, wherever they are."""
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    yield from (body[start:end] for start, end in pairwise(places))


def only_result(effects: list[Effect]) -> DkimResult:
    """The one result among `effects`."""
    (result,) = effects
    assert isinstance(result, DkimResult)
    return result
