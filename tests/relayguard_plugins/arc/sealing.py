"""The sealer's side of ARC, straight from RFC 8617 §5.1: sets with any tags, one on top of the other."""

import base64
import hashlib
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from relayguard.core.message import split_message
from tests.relayguard_plugins.dkim.signing import canonical_body, canonical_field, published, rsa_key, txt

DOMAIN = "lists.example"
RESULTS = "lists.example; spf=pass smtp.mailfrom=a@example.com; dmarc=pass header.from=example.com"


def arc_zone(*domains: str) -> str:
    """A zone with the key of each sealer."""
    record = f"v=DKIM1; p={published(rsa_key())}"
    return "".join(txt(f"s1._domainkey.{domain}", record) for domain in domains or (DOMAIN,))


def seal(
    message: bytes,
    *,
    domain: str = DOMAIN,
    results: str = RESULTS,
    signature: Mapping[str, str] | None = None,
    seal: Mapping[str, str] | None = None,
    key: rsa.RSAPrivateKey | None = None,
) -> bytes:
    """Return `message` with one more ARC set on top; `signature` and `seal` hold tags over the usual ones."""
    pairs, body = split_message(message)
    instance = 1 + sum(name == "ARC-Seal" for name, _ in pairs)
    fields = [("ARC-Authentication-Results", f" i={instance}; {results}".encode())]
    tags = {
        "i": str(instance),
        "a": "rsa-sha256",
        "c": "relaxed/relaxed",
        "d": domain,
        "s": "s1",
        "h": "from:subject",
    }
    tags |= {"bh": base64.b64encode(hashlib.sha256(canonical_body(body, relaxed=True)).digest()).decode()}
    fields.append(("ARC-Message-Signature", _field({**tags, **(signature or {})}, _signed_fields(pairs), key)))
    status = "none" if instance == 1 else "pass"
    tags = {"i": str(instance), "a": "rsa-sha256", "cv": status, "d": domain, "s": "s1", **(seal or {})}
    fields.append(("ARC-Seal", _seal_field(tags, [*_sets(pairs), *fields], key)))
    top = b"".join(name.encode() + b":" + value + b"\r\n" for name, value in reversed(fields))
    return top + message


def _sets(pairs: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    # What seal() writes stands with the newest set on top, each set from its seal down.
    return [pair for pair in reversed(pairs) if pair[0].startswith("ARC-")]


def _signed_fields(pairs: list[tuple[str, bytes]]) -> dict[str, bytes]:
    return {name.lower(): canonical_field(name, value, relaxed=True) + b"\r\n" for name, value in reversed(pairs)}


def _field(tags: Mapping[str, str], fields: Mapping[str, bytes], key: rsa.RSAPrivateKey | None) -> bytes:
    value = " " + "; ".join(f"{name}={text}" for name, text in tags.items()) + "; b="
    content = b"".join(fields.get(name, b"") for name in tags["h"].split(":"))
    content += canonical_field("ARC-Message-Signature", value.encode(), relaxed=True)
    return value.encode() + _signature(content, key)


def _seal_field(tags: Mapping[str, str], fields: list[tuple[str, bytes]], key: rsa.RSAPrivateKey | None) -> bytes:
    value = " " + "; ".join(f"{name}={text}" for name, text in tags.items()) + "; b="
    content = b"".join(canonical_field(*field, relaxed=True) + b"\r\n" for field in fields)
    content += canonical_field("ARC-Seal", value.encode(), relaxed=True)
    return value.encode() + _signature(content, key)


def _signature(content: bytes, key: rsa.RSAPrivateKey | None) -> bytes:
    return base64.b64encode((key or rsa_key()).sign(content, padding.PKCS1v15(), hashes.SHA256()))
