"""What can be seen in a signature, its key or its message, read apart from the code under test."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from tests.oracles.mail import SIGNATURE, Field, Mail
from tests.relayguard_plugins.dkim.signing import canonical_body

_WHITE = b" \t\r\n"
_HOUR = 3600
_HOST = re.compile(rb"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?\Z")
_SOLID = (b"v", b"a", b"c", b"l", b"t", b"x")
"""Tags whose values are one word."""
SKEW = 300


@dataclass(frozen=True)
class Signed:
    """One signature of a message."""

    mail: Mail
    field: Field

    @cached_property
    def tags(self) -> Mapping[bytes, bytes]:
        """Its tags, the first of each name, as they stand."""
        return _tags(self.field.value)

    @cached_property
    def names(self) -> list[bytes]:
        """What ``h=`` names, in lower case."""
        return [name.strip(_WHITE).lower() for name in self.tags.get(b"h", b"").split(b":")]

    @property
    def query_methods(self) -> list[bytes]:
        """What ``q=`` lists, in lower case."""
        return re.split(rb"\s*:\s*", self.tags.get(b"q", b"").lower())

    @cached_property
    def records(self) -> list[bytes]:
        """Its key records."""
        domain, selector = (re.sub(rb"\s", b"", self.tags.get(tag, b"")).decode("latin-1") for tag in (b"d", b"s"))
        name = f"{selector}._domainkey.{domain}".lower().removesuffix(".")
        return [record.encode() for record in self.mail.keys.get(name) or ()]

    @cached_property
    def key(self) -> Mapping[bytes, bytes]:
        """The tags of its first key record."""
        return _tags(self.records[0]) if self.records else {}

    @property
    def relaxed_header(self) -> bool:
        """Whether its header is relaxed."""
        return self.tags.get(b"c", b"").lower().startswith(b"relaxed")

    @property
    def body_length(self) -> int:
        """The octets of the canonical body."""
        return len(canonical_body(self.mail.body, relaxed=self.tags.get(b"c", b"").lower().endswith(b"/relaxed")))

    def number(self, tag: bytes) -> int | None:
        """Return the value of a tag that is a number."""
        value = self.tags.get(tag, b"")
        return int(value) if value.isdigit() else None


def _tags(value: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for spec in value.split(b";"):
        name, equals, text = spec.partition(b"=")
        if equals:
            found.setdefault(name.strip(_WHITE), text.strip(_WHITE))
    return found


def _has_empty_tag(value: bytes) -> bool:
    return any(not spec.strip(_WHITE) for spec in value.split(b";")[:-1])


def _has_malformed_name(value: bytes) -> bool:
    specs = [spec.partition(b"=") for spec in value.split(b";") if spec.strip(_WHITE)]
    return any(not re.fullmatch(rb"[A-Za-z]\w*", name.strip(_WHITE), re.ASCII) for name, _, _ in specs)


def _has_twins(value: bytes) -> bool:
    names = [spec.partition(b"=")[0].strip(_WHITE) for spec in value.split(b";") if spec.strip(_WHITE)]
    return len(names) > len(set(names))


def _is_base64(value: bytes) -> bool:
    bare = re.sub(rb"\s", b"", value)
    return re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", bare) is not None and len(bare) % 4 == 0


def _rsa_bits(key: Mapping[bytes, bytes]) -> int | None:
    try:
        public = serialization.load_der_public_key(base64.b64decode(key.get(b"p", b"")))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return getattr(public, "key_size", None)


def _between(number: int | None, low: float, high: float) -> bool:
    return number is not None and low < number < high


def _key_version_is_odd(signed: Signed) -> bool:
    first = next(iter(signed.key), b"")
    return b"v" in signed.key and (first != b"v" or signed.key[b"v"] != b"DKIM1")


def _key_is_of_another_type(signed: Signed) -> bool:
    kind = signed.tags.get(b"a", b"").lower().partition(b"-")[0]
    return signed.key.get(b"k", b"rsa").lower() != kind


TRAITS: Mapping[str, Callable[[Signed], bool]] = {
    # The message
    "vertical white space in a field": lambda s: any(re.search(rb"[\x0b\x0c]", f.value) for f in s.mail.fields),
    "white space before a colon": lambda s: any(f.name[-1:] in _WHITE for f in s.mail.fields),
    "white space before the colon of a signed field": lambda s: any(
        f.name[-1:] in _WHITE and f.name.strip(_WHITE).lower() in s.names for f in s.mail.fields
    ),
    "field name beyond ASCII": lambda s: any(not f.name.isascii() for f in s.mail.fields),
    "more From fields than signed": lambda s: s.mail.count(b"From") > s.names.count(b"from"),
    "bare CR or LF": lambda s: re.search(rb"\r(?!\n)|(?<!\r)\n", s.mail.body) is not None,
    "no final CRLF": lambda s: s.mail.body != b"" and not s.mail.body.endswith(b"\r\n"),
    # The tags
    "empty tag": lambda s: _has_empty_tag(s.field.value),
    "malformed tag name": lambda s: _has_malformed_name(s.field.value),
    "tag twice": lambda s: _has_twins(s.field.value),
    "octets beyond ASCII": lambda s: not s.field.value.isascii(),
    "white space before the = of b=": lambda s: re.search(rb"(?:^|[;\s])b\s+=", s.field.value) is not None,
    "b= right behind the colon": lambda s: s.field.value.startswith(b"b"),
    "white space after b=": lambda s: re.search(rb"(?:^|[;\s])b\s*=[^;]*\s;", s.field.value) is not None,
    "simple header": lambda s: not s.relaxed_header,
    "white space at the end": lambda s: s.field.value[-1:] in _WHITE,
    "d= or s= folded": lambda s: any(b"\r\n" in s.tags.get(tag, b"") for tag in (b"d", b"s")),
    "white space inside d= or s=, not folded": lambda s: any(
        re.search(rb"\s", re.sub(rb"\r\n[ \t]+", b"", s.tags.get(tag, b""))) for tag in (b"d", b"s")
    ),
    "white space inside a value": lambda s: any(re.search(rb"\s", s.tags.get(tag, b"")) for tag in _SOLID),
    "white space inside h=": lambda s: any(re.search(rb"\s", name) for name in s.names),
    "d= in U-labels": lambda s: not s.tags.get(b"d", b"").isascii(),
    "dot at the end of d= or s=": lambda s: any(s.tags.get(tag, b"").endswith(b".") for tag in (b"d", b"s")),
    "i= ends in no domain name": lambda s: b"i" in s.tags and not _HOST.search(s.tags[b"i"]),
    "two @ in i=": lambda s: s.tags.get(b"i", b"").count(b"@") > 1,
    "i= is encoded badly": lambda s: re.search(rb"=(?![0-9A-F]{2})", s.tags.get(b"i", b"")) is not None,
    "no @ in i=": lambda s: b"i" in s.tags and b"@" not in s.tags[b"i"],
    "From unsigned": lambda s: b"from" not in s.names,
    "more than 100 names": lambda s: len(s.names) > 100,
    "signs its own field name": lambda s: SIGNATURE in s.names,
    "b= no base64": lambda s: not _is_base64(s.tags.get(b"b", b"")),
    "bh= no base64": lambda s: not _is_base64(s.tags.get(b"bh", b"")),
    "q= with dns/txt": lambda s: b"dns/txt" in s.query_methods,
    "q= without dns/txt": lambda s: b"q" in s.tags and b"dns/txt" not in s.query_methods,
    "rsa-sha1": lambda s: s.tags.get(b"a", b"").lower() == b"rsa-sha1",
    "l= empty": lambda s: s.tags.get(b"l") == b"",
    "l= shorter": lambda s: _between(s.number(b"l"), -1, s.body_length),
    "l= longer": lambda s: _between(s.number(b"l"), s.body_length, float("inf")),
    "t= in the future": lambda s: _between(s.number(b"t"), s.mail.now + SKEW, float("inf")),
    "t= in the future, not 10 hours": lambda s: _between(s.number(b"t"), s.mail.now + SKEW, s.mail.now + 10 * _HOUR),
    "t= near 1970": lambda s: _between(s.number(b"t"), -1, SKEW),
    "x= passed": lambda s: _between(s.number(b"x"), -1, s.mail.now - SKEW),
    "x= passed, not 10 hours ago": lambda s: _between(s.number(b"x"), s.mail.now - 10 * _HOUR, s.mail.now - SKEW),
    "x= not after t=": lambda s: _between(s.number(b"x"), -1, (s.number(b"t") or 0) + 1),
    "t= or x= of more than 12 digits": lambda s: any(len(s.tags.get(tag, b"")) > 12 for tag in (b"t", b"x")),
    # The key
    "several key records": lambda s: len(s.records) > 1,
    "empty tag in the key": lambda s: _has_empty_tag(b"".join(s.records[:1])),
    "malformed tag name in the key": lambda s: _has_malformed_name(b"".join(s.records[:1])),
    "tag twice in the key": lambda s: _has_twins(b"".join(s.records[:1])),
    "key of another version, or v= not first": _key_version_is_odd,
    "key of another type": _key_is_of_another_type,
    "key with h= without sha256": lambda s: b"h" in s.key and b"sha256" not in s.key[b"h"].split(b":"),
    "key with t=s": lambda s: b"s" in s.key.get(b"t", b"").split(b":"),
    "key for several services": lambda s: b":" in s.key.get(b"s", b""),
    "key no base64": lambda s: not _is_base64(s.key.get(b"p", b"")),
    "short RSA key": lambda s: _between(_rsa_bits(s.key), 0, 1024),
}
"""Each says one thing that may be true of a signature."""
