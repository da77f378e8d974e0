"""The honest messages of `honest/`, signed and sealed as its index says.

The same files always give the same octets, for the keys are the same in every run.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from relayguard import Role
from relayguard.core.message import split_message
from tests.oracles.keys import PrivateKey, ed25519_pair, rsa_pair
from tests.relayguard_plugins.arc.sealing import seal
from tests.relayguard_plugins.dkim.signing import published, sign, txt

FOLDER = Path(__file__).parent / "honest"
PROTECTED = FOLDER / "protected.txt"
"""The domains whose look fraud would imitate: one a line."""
PEOPLE = FOLDER / "people.txt"
"""The people whose names fraud would use: one a line, with all the addresses that are theirs."""

_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """A message ready to be sent, how it arrives, and what SPF and DMARC find; index.toml says what each key means.

    `signers` are the domains of its DKIM signatures that hold. `keys` are the records that it needs, by their names.
    """

    name: str
    about: str
    raw: bytes = field(repr=False)
    client: str
    helo: str
    mail_from: str
    recipients: tuple[str, ...]
    role: Role
    spf: str
    dmarc: str
    signers: tuple[str, ...]
    keys: Mapping[str, str] = field(repr=False)

    @property
    def kind(self) -> str:
        """What sort of mail it is: list, newsletter, ticket."""
        return self.name.partition("-")[0]

    @property
    def parameters(self) -> tuple[str, ...]:
        """RFC 6531 §3.4: who writes more than ASCII in addresses and header fields says SMTPUTF8."""
        head = b"".join(value for _, value in split_message(self.raw)[0])
        return () if self.mail_from.isascii() and (head.isascii() or not _is_utf8(head)) else ("SMTPUTF8",)


@cache
def messages() -> tuple[Honest, ...]:
    """All messages, in the order of the index."""
    world = _index()["world"]
    return tuple(_read({**world, **row}, _index()["signed"]) for row in _index()["message"])


@cache
def zone() -> str:
    """The DNS of all messages, the keys of their signers included."""
    keys = {name: record for message in messages() for name, record in message.keys.items()}
    published_keys = "".join(txt(name, record) for name, record in sorted(keys.items()))
    return f"{(FOLDER / 'zone.txt').read_text(encoding='utf-8')}\n{published_keys}"


@cache
def configuration() -> str:
    """The receiver's configuration as TOML, without `filters`."""
    text: str = _index()["config"]
    return text


@cache
def _index() -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / "index.toml").read_text(encoding="utf-8"))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    domain: str
    selector: str = "s1"
    headers: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    append: str = ""

    @property
    def key(self) -> PrivateKey:
        return ed25519_pair() if self._is_ed25519 else rsa_pair(_RSA_BITS)

    @property
    def record(self) -> tuple[str, str]:
        """The key's name in DNS, and what stands there."""
        kind = "ed25519" if self._is_ed25519 else "rsa"
        return f"{self.selector}._domainkey.{self.domain}", f"v=DKIM1; k={kind}; p={published(self.key)}"

    @property
    def _is_ed25519(self) -> bool:
        return self.tags.get("a") == "ed25519-sha256"

    def on(self, raw: bytes, usual: Sequence[str]) -> bytes:
        """The message with this signature, by default of those of the `usual` header fields that it has."""
        there = {name.lower() for name, _ in split_message(raw)[0]}
        names = self.headers or [name for name in usual if name in there]
        signed = sign(raw, {"d": self.domain, "s": self.selector, "h": ":".join(names), **self.tags}, key=self.key)
        return signed + self.append.replace("\n", "\r\n").encode()


def _read(row: Mapping[str, Any], usual: Sequence[str]) -> Honest:
    raw = (FOLDER / row["file"]).read_bytes().replace(b"\n", b"\r\n")
    signatures, seals = [_Signature(**each) for each in row.get("sign", [])], row.get("seal", [])
    for signature in signatures:
        raw = signature.on(raw, usual)
    for sealed in seals:
        raw = seal(raw, domain=sealed["domain"], results=sealed["results"], key=rsa_pair(_RSA_BITS))
    # What is appended breaks all that was signed before.
    first = max((at + 1 for at, each in enumerate(signatures) if each.append), default=0)
    sealers = [_Signature(domain=sealed["domain"]) for sealed in seals]
    return Honest(
        name=row["file"].removesuffix(".eml"),
        about=row["about"],
        raw=raw,
        client=row["client"],
        helo=row["helo"],
        mail_from=row["mail_from"],
        recipients=tuple(row["recipients"]),
        role=Role(row["role"]),
        spf=row["spf"],
        dmarc=row["dmarc"],
        signers=tuple(each.domain for each in signatures[first:]),
        keys=dict(each.record for each in [*signatures, *sealers]),
    )
