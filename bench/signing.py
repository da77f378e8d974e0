"""The sender's side of DKIM, relaxed/relaxed, straight from RFC 6376 and 8463.

It shares no code with any milter under test, and the same message and key always give the same signature.
"""

import base64
import hashlib
import re
import textwrap

import nacl.signing
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PrivateKey = rsa.RSAPrivateKey | nacl.signing.SigningKey

_SIGNED = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "reply-to",
    "references",
    "list-unsubscribe",
]


def sign(raw: bytes, domain: str, selector: str, key: PrivateKey, when: int) -> bytes:
    """Return `raw` with a DKIM-Signature of `domain` on top; `when` is the signing time."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = _fields(head)
    names = [name for name in _SIGNED if name in fields]
    algorithm = "rsa-sha256" if isinstance(key, rsa.RSAPrivateKey) else "ed25519-sha256"
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
    # From once more than it is there: nobody can add another.
    signed = ":".join([*names, "from"])
    unsigned = (
        f" v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};\r\n\tt={when}; q=dns/txt;\r\n"
        f"\th={signed};\r\n\tbh={body_hash};\r\n\tb="
    ).encode()
    covered = b"".join(relaxed_field(name, fields[name]) + b"\r\n" for name in names)
    covered += relaxed_field("dkim-signature", unsigned)
    signature = base64.b64encode(_signature(key, covered)).decode()
    folded = "\r\n\t ".join(textwrap.wrap(signature, 72))
    return b"DKIM-Signature:" + unsigned + folded.encode() + b"\r\n" + raw


def relaxed_field(name: str, value: bytes) -> bytes:
    """RFC 6376 §3.4.2, without the line's end."""
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", value)
    return name.encode() + b":" + re.sub(rb"[ \t]+", b" ", unfolded).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4."""
    lines = (re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n"))
    text = b"\r\n".join(lines).rstrip(b"\r\n")
    return text + b"\r\n" if text else b""


def _fields(head: bytes) -> dict[str, bytes]:
    """The lowest field of each name: the one that a signature covers first."""
    fields = (field.partition(b":") for field in re.split(rb"\r\n(?![ \t])", head))
    return {name.decode("ascii").lower(): value for name, _, value in fields}


def _signature(key: PrivateKey, covered: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(covered, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(hashlib.sha256(covered).digest()).signature
