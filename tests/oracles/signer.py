"""A signer of its own, straight from RFC 6376, that writes each tag exactly as it is told."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import nacl.signing
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.oracles.keys import PrivateKey
from tests.oracles.mail import Field
from tests.relayguard_plugins.dkim.signing import canonical_body

HOLE = "{b}"
"""Where the signature goes in a layout."""

# RFC 6376 §3.7: the value of b= is deleted with all white space around it.
_HOLE = re.compile(rf"[ \t\r\n]*{re.escape(HOLE)}[ \t\r\n]*")


@dataclass(frozen=True)
class Plan:
    """How to sign: `layout` is the value of the field with HOLE in it, `names` are the signed fields in their order.

    `fold` stands between the parts of ``b=``, which may be folded anywhere.
    """

    name: bytes
    layout: str
    names: Sequence[str]
    relaxed: bool
    key: PrivateKey
    fold: str = ""


def body_hash(body: bytes, *, relaxed: bool, length: int | None) -> str:
    """Return ``bh=`` (RFC 6376 §3.7), of the first `length` octets."""
    content = canonical_body(body, relaxed=relaxed)
    return base64.b64encode(hashlib.sha256(content[:length]).digest()).decode()


def sign(fields: Sequence[Field], plan: Plan) -> Field:
    """Return the signature of `fields`; the body is signed through the bh= that the layout holds."""
    empty = Field(plan.name, _HOLE.sub("", plan.layout).encode())
    content = b"".join(_canonical(field, relaxed=plan.relaxed) + b"\r\n" for field in _selected(fields, plan.names))
    content += _canonical(empty, relaxed=plan.relaxed)
    b = base64.b64encode(_signature(content, plan.key)).decode()
    parts = re.findall(".{1,60}", b) if plan.fold else [b]
    return Field(plan.name, plan.layout.replace(HOLE, plan.fold.join(parts)).encode())


def _signature(content: bytes, key: PrivateKey) -> bytes:
    if isinstance(key, nacl.signing.SigningKey):
        # RFC 8463 §3: Ed25519 signs the SHA-256 hash.
        return key.sign(hashlib.sha256(content).digest()).signature
    return key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def _selected(fields: Sequence[Field], names: Sequence[str]) -> list[Field]:
    # RFC 6376 §5.4.2: the lowest first; a name without a field left signs that there is none.
    left = list(reversed(fields))
    chosen = []
    for name in names:
        field = next((field for field in left if field.is_called(name.encode())), None)
        if field is not None:
            left.remove(field)
            chosen.append(field)
    return chosen


def _canonical(field: Field, *, relaxed: bool) -> bytes:
    if not relaxed:
        return field.name + b":" + field.value
    # RFC 6376 §3.4.2.
    unfolded = re.sub(rb"[ \t]+", b" ", field.value.replace(b"\r\n", b""))
    return field.name.rstrip(b" \t").lower() + b":" + unfolded.strip(b" ")
