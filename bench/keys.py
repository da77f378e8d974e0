"""The DKIM keys of the corpus: RSA keys are dear to make and are kept, Ed25519 keys follow from a number."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nacl.signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

COUNT = 21
_BITS = 2048


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What one domain signs with."""

    rsa: rsa.RSAPrivateKey
    ed25519: nacl.signing.SigningKey

    @property
    def published_rsa(self) -> str:
        """The ``p=`` of its RSA key."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(self.rsa.public_key().public_bytes(serialization.Encoding.DER, spki)).decode()

    @property
    def published_ed25519(self) -> str:
        """The ``p=`` of its Ed25519 key."""
        return base64.b64encode(bytes(self.ed25519.verify_key)).decode()


def make_keys(count: int = COUNT) -> list[rsa.RSAPrivateKey]:
    """Make new RSA keys."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=_BITS) for _ in range(count)]


def pairs_of(keys: Sequence[rsa.RSAPrivateKey]) -> tuple[KeyPair, ...]:
    """Pair each RSA key with an Ed25519 key of its own."""
    seeds = (hashlib.sha256(f"bench {number}".encode()).digest() for number in range(len(keys)))
    return tuple(KeyPair(key, nacl.signing.SigningKey(seed)) for key, seed in zip(keys, seeds, strict=True))


def kept_keys(path: Path) -> tuple[KeyPair, ...]:
    """Return the keys kept in `path`; those that were not there are made first."""
    if not path.exists():
        path.write_text(json.dumps([_pem(key) for key in make_keys()]))
    loaded = [serialization.load_pem_private_key(text.encode(), None) for text in json.loads(path.read_text())]
    return pairs_of([key for key in loaded if isinstance(key, rsa.RSAPrivateKey)])


def _pem(key: rsa.RSAPrivateKey) -> str:
    form, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, clear).decode()
