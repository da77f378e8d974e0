"""The corpus: signed, forwarded, spoofed and broken messages in sets, and what is true of each.

The same keys always give the same corpus. A set is what one measurement sends: the four sizes, whose twenty
domains every cache soon knows; and sets of which every message comes from a domain never heard of before.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from email.utils import formatdate
from pathlib import Path

from bench.keys import KeyPair
from bench.message import assembled, body_of, subject_of
from bench.signing import sign
from bench.site import (
    FORWARDER,
    SPAMMER,
    Record,
    Site,
    known_sites,
    provider_records,
    records_of,
    stranger_records,
    unknown_site,
)

WHEN = 1_767_225_600
"""The Date and signing time of every message: 2026-01-01."""

SIZES = {"2K": 80, "10K": 64, "75K": 48, "1M": 16}
ROUNDS = 5
"""How often a name can be met for the first time: each set of unknown domains serves one round."""
_UNKNOWN = {"cold": 256, "late-signed": 64, "late-unsigned": 64, "slow-1": 12, "slow-10": 64, "slow-50": 200}
UNKNOWN = {f"{name}-{turn}": count for turn in range(1, ROUNDS + 1) for name, count in _UNKNOWN.items()}

MIXTURE = (
    *("rsa",) * 6,
    *("dual", "ed25519", "provider", "subdomain"),
    *("forwarded", "forwarded", "unsigned", "spoofed", "spoofed", "broken"),
)
"""What sixteen messages consist of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A message's envelope, and the verdicts that it deserves."""

    id: str
    set: str
    kind: str
    client: str
    helo: str
    sender: str
    recipient: str
    spf: str = "pass"
    dkim: str = "pass"
    dmarc: str = "pass"

    @property
    def file(self) -> str:
        """Where the message is, in the corpus."""
        return f"{self.id}.eml"


Message = tuple[Case, bytes]


def messages(keys: tuple[KeyPair, ...]) -> Iterator[Message]:
    """Yield every message of the corpus but the hostile ones."""
    chance = random.Random(20260101)
    sites = known_sites(keys)
    number = 0
    for size, count in SIZES.items():
        for kind in _mixed(count, chance):
            number += 1
            yield message(number, size, kind, chance.choice(sites), chance)
    for name, site in unknown_sites(keys):
        kind = "unsigned" if name.startswith("late-unsigned") else MIXTURE[site.number * 7 % len(MIXTURE)]
        yield message(site.number, name, kind, site, chance)
    yield message(0, "50M", "rsa", sites[0], chance)


def message(number: int, name: str, kind: str, site: Site, chance: random.Random) -> Message:
    """Return a message of a set and of a kind, and what is true of it."""
    case = _case(number, name, kind, site)
    author = f"news.{site.domain}" if kind == "subdomain" else site.domain
    content, lines = body_of(name if name in {*SIZES, "50M"} else "10K", chance)
    fields = [*_head(number, case, author, site, chance), *content, *_tail(number, site, chance)]
    return case, _signed(kind, site, assembled(fields, lines))


def unknown_sites(keys: tuple[KeyPair, ...]) -> Iterator[tuple[str, Site]]:
    """Yield the sites that are used once, each with the set that its message is in."""
    names = [name for name, count in UNKNOWN.items() for _ in range(count)]
    for number, name in enumerate(names, 1000):
        yield name, unknown_site(number, keys)


def records(keys: tuple[KeyPair, ...]) -> Iterator[Record]:
    """Yield all that DNS says about the senders of `messages`."""
    known = known_sites(keys)
    yield from stranger_records()
    yield from provider_records(known[0])
    for site in known:
        yield from records_of(site)
    for _, site in unknown_sites(keys):
        yield from records_of(site)
        yield from provider_records(site)


def write(folder: Path, corpus: Iterable[Message]) -> None:
    """Write the messages, the load client's index, and what is expected of each."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, cases = [], []
    for case, raw in corpus:
        (folder / case.file).write_bytes(raw)
        cases.append(asdict(case))
        fields = (case.id, case.set, case.client, case.helo, case.helo, case.sender, case.recipient, case.file)
        lines.append("\t".join(fields) + "\n")
    (folder / "index.tsv").write_text("".join(lines))
    (folder / "expected.json").write_text(json.dumps(cases))


def expected(folder: Path) -> dict[str, Case]:
    """Read what is expected of the messages in `folder`."""
    return {entry["id"]: Case(**entry) for entry in json.loads((folder / "expected.json").read_text())}


def _mixed(count: int, chance: random.Random) -> list[str]:
    kinds = [MIXTURE[at % len(MIXTURE)] for at in range(count)]
    chance.shuffle(kinds)
    return kinds


def _case(number: int, name: str, kind: str, site: Site) -> Case:
    client, helo, spf = site.address, f"mail.{site.domain}", "pass"
    sender = f"bounce-{number}@{site.domain}"
    dkim, dmarc = "pass", "pass"
    if kind == "subdomain":
        sender = f"bounce+{number}@bounces.{site.domain}"
    elif kind == "provider":
        client, helo, sender = "198.51.100.200", f"o1.{site.provider}", f"b{number}@{site.provider}"
    elif kind == "unsigned":
        dkim = "none"
    elif kind in {"forwarded", "broken"}:
        (client, helo), spf = FORWARDER, site.stranger
    elif kind == "spoofed":
        (client, helo), spf, dkim, dmarc = SPAMMER, site.stranger, "none", "fail"
    if kind == "broken":
        dkim = dmarc = "fail"
    return Case(
        id=f"{name}-{number:05d}-{kind}",
        set=name,
        kind=kind,
        client=client,
        helo=helo,
        sender=sender,
        recipient=f"user{number % 50}@bench.test",
        spf=spf,
        dkim=dkim,
        dmarc=dmarc,
    )


def _head(number: int, case: Case, author: str, site: Site, chance: random.Random) -> list[tuple[str, str]]:
    origin = f"app{number % 7}.internal.{site.domain}"
    identity = hashlib.sha256(str(number).encode()).hexdigest()[:24]
    return [
        ("Received", _received(number, case, origin)),
        ("Received", f"by {origin} with HTTP id {number:08x};\r\n\t{formatdate(WHEN - 6)}"),
        ("Date", formatdate(WHEN)),
        ("From", f'"{site.domain.split(".")[0].title()} Team" <team{number % 9}@{author}>'),
        ("To", f"User {number % 50} <{case.recipient}>"),
        ("Reply-To", f"support@{author}"),
        ("Subject", subject_of(number, chance)),
        ("Message-ID", f"<{identity}@{author}>"),
        ("References", "\r\n ".join(f"<{chance.getrandbits(80):020x}@{author}>" for _ in range(3))),
        ("MIME-Version", "1.0"),
    ]


def _received(number: int, case: Case, origin: str) -> str:
    return (
        f"from {origin} ({origin} [10.1.{number % 200}.7])\r\n\tby {case.helo} (Postfix) with ESMTPS"
        f" id 4R{number:06d}\r\n\tfor <{case.recipient}>; {formatdate(WHEN - 5)}"
    )


def _tail(number: int, site: Site, chance: random.Random) -> list[tuple[str, str]]:
    return [
        ("List-Unsubscribe", f"<https://www.{site.domain}/unsub/{chance.getrandbits(128):032x}>"),
        ("X-Mailer", "BenchMailer 4.2 (build 20260101)"),
        ("X-Campaign-ID", f"{chance.getrandbits(64):016x}"),
        ("X-Originating-IP", f"10.1.{number % 200}.7"),
        ("Precedence", "bulk"),
        ("Importance", "Normal"),
    ]


def _signed(kind: str, site: Site, raw: bytes) -> bytes:
    if kind in {"unsigned", "spoofed"}:
        return raw
    if kind in {"ed25519", "dual"}:
        raw = sign(raw, site.domain, "ed1", site.keys.ed25519, WHEN)
    if kind != "ed25519":
        raw = sign(raw, site.domain, "s2048", site.keys.rsa, WHEN)
    if kind == "provider":
        raw = sign(raw, site.provider, "s2048", site.provider_keys.rsa, WHEN)
    if kind == "broken":
        raw += b"-- \r\nmailing list footer added\r\n"
    return raw
