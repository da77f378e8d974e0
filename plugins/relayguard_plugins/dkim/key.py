"""DKIM keys: the TXT record and the public key in it (RFC 6376 §3.6.1, RFC 8463), parsed once and cached."""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache

import nacl.exceptions
import nacl.signing
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from relayguard import Cap, DkimValue
from relayguard_plugins.dkim.tags import TagError, parse_tags, without_white, words
from relayguard_plugins.dkim.values import SignatureError, malformed

MAX_RECORD = 8 * 1024
MIN_BITS, MAX_BITS = 1024, 8192
MAX_EXPONENT_BITS = 64

_PADDING = padding.PKCS1v15()
_PREHASHED = utils.Prehashed(hashes.SHA256())

PublicKey = rsa.RSAPublicKey | nacl.signing.VerifyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key record. `strict` is its ``t=s`` flag, `testing` is ``t=y``, `kind` is ``rsa`` or ``ed25519``."""

    kind: str
    public: PublicKey
    hash_names: frozenset[bytes] | None
    testing: bool
    strict: bool

    @property
    def work(self) -> int:
        """What one verification costs, in units that are a thirtieth of an ordinary one (RSA, 1024 bits, 65537)."""
        if isinstance(self.public, rsa.RSAPublicKey):
            return (self.public.key_size // 512) ** 2 * self.public.public_numbers().e.bit_length() // 2
        return 250

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Tell whether `signature` is one of `digest`, a SHA-256 hash."""
        try:
            if isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(signature, digest, _PADDING, _PREHASHED)
            else:
                self.public.verify(digest, signature)
        except (InvalidSignature, nacl.exceptions.CryptoError, ValueError):
            return False
        return True


def choose_key(texts: tuple[bytes, ...], kind: str) -> Key:
    """Return a usable key of a name's TXT records, of `kind` if there is one; raises SignatureError if there is none.

    RFC 6376 §3.6.2.2 leaves several records undefined. A stray record must not make a key unusable.
    """
    errors: dict[bool, SignatureError] = {}
    others: list[Key] = []
    # DNS gives them in any order; which is taken, and what is wrong with it, must not depend on that.
    for stray, text in sorted((_looks_stray(text), text) for text in texts):
        try:
            if len(text) > MAX_RECORD:
                raise malformed("key record too large")
            key = parse_key(text)
            if key.kind == kind:
                return key
            others.append(key)
        except SignatureError as unusable:
            errors.setdefault(stray, unusable)
    # A key that is broken may be the one that was meant; a stray record is not.
    if others and False not in errors:
        return others[0]
    raise errors.get(False) or errors.get(True) or SignatureError(DkimValue.PERMERROR, "no key record")


def _looks_stray(text: bytes) -> bool:
    return b"p=" not in text[:MAX_RECORD]


# Each holds 2.5 KB; to read one again costs less than to verify one signature.
@lru_cache(maxsize=1024)
def parse_key(text: bytes) -> Key:
    """Read a key record; raises SignatureError."""
    try:
        tags = parse_tags(text)
    except TagError as error:
        raise malformed(f"key record: {error}") from error
    if tags.get("v", b"DKIM1") != b"DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise malformed("key record of an unknown version")
    if "p" not in tags:
        raise malformed("key record without p=")
    # RFC 6376 §3.6.1: an empty p= means that the key has been revoked.
    if not tags["p"]:
        raise malformed("key revoked")
    services = words(tags.get("s", b"*"))
    if b"*" not in services and b"email" not in services:
        raise malformed("key is not for email")
    kind = tags.get("k", b"rsa").decode("ascii", "replace").lower()
    flags = words(tags.get("t", b""))
    return Key(
        kind=kind,
        public=_public_key(kind, tags["p"]),
        hash_names=frozenset(words(tags["h"].lower())) if "h" in tags else None,
        testing=b"y" in flags,
        strict=b"s" in flags,
    )


def _public_key(kind: str, value: bytes) -> PublicKey:
    try:
        encoded = base64.b64decode(without_white(value), validate=True)
    except binascii.Error as error:
        raise malformed("key is no base64") from error
    if kind == "ed25519":
        # RFC 8463 §4.2: the bare 32 octets.
        if len(encoded) != 32:
            raise malformed("ed25519 key of a wrong size")
        return nacl.signing.VerifyKey(encoded)
    if kind != "rsa":
        raise malformed("unknown key type")
    return _rsa_key(encoded)


def _rsa_key(encoded: bytes) -> rsa.RSAPublicKey:
    try:
        public = serialization.load_der_public_key(encoded)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise malformed("key cannot be read") from error
    if not isinstance(public, rsa.RSAPublicKey):
        raise malformed("key is not RSA")
    if public.key_size < MIN_BITS:
        # RFC 8301 §3.2: MUST NOT be considered valid.
        raise SignatureError(DkimValue.POLICY, f"key of {public.key_size} bits is too short", Cap.DKIM_KEY)
    # A large exponent makes one verification take seconds; no honest key has one.
    if public.key_size > MAX_BITS or public.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise SignatureError(DkimValue.PERMERROR, "key too large", Cap.DKIM_KEY)
    return public
