"""The rows of cases.toml, read for one level: how a row arrives there, its DNS, and what is expected of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tests.relayguard_plugins.arc.sealing import seal
from tests.relayguard_plugins.dkim.signing import ed25519_key, published, published_numbers, rsa_key, sign, txt

FILE = tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))

Level = Literal["pure", "wire", "mta"]
LEVELS: tuple[Level, ...] = ("pure", "wire", "mta")
RECIPIENT = "bob@mx.example.com"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row at one level; cases.toml says what each of its keys means."""

    id: str
    about: str
    mail_from: str
    helo: str
    client: str
    message: str
    zone: str
    decision: str
    login: str = ""
    keys: Mapping[str, list[str]] = field(default_factory=dict)
    sign: tuple[dict[str, str], ...] = ()
    seal: tuple[dict[str, Any], ...] = ()
    above: str = ""
    below: str = ""
    repeat: tuple[str, int] = ("", 0)
    config: dict[str, Any] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    entries: Mapping[str, int] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    would_be: str = ""
    reply: str = ""
    deleted: tuple[int, ...] = ()
    stripped: tuple[str, ...] = ()
    not_asked: str = ""
    asked_under: str = ""
    asked: tuple[str, ...] = ()
    unreachable: Mapping[Level, str] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[str, ...]:
        """RFC 6531 §3.4: a sender beyond ASCII comes with SMTPUTF8."""
        return () if self.mail_from.isascii() else ("SMTPUTF8",)


def read(row: Mapping[str, Any], level: Level, world: Mapping[str, Any]) -> Case:
    """Read a row, and what it says of a level over it."""
    own = {key: value for key, value in row.items() if key not in LEVELS}
    merged = {**world, **own, **row.get(level, {})}
    merged["zone"] = world["zone"] + row.get("zone", "")
    merged["keys"] = {**world["keys"], **row.get("keys", {})}
    merged["config"] = _config(world["config"], merged.get("config", {}) if "config" in row else {})
    return Case(**merged)


def _config(world: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A row that names its filters has its own configuration alone; any other adds to that of all."""
    if "filters" in own:
        return dict(own)
    return {**world, **own, "filter": {**world["filter"], **own.get("filter", {})}}


def cases(level: Level) -> list[Case]:
    """All rows, those that cannot reach the level included."""
    return [read(row, level, FILE["world"]) for row in FILE["case"]]


def reachable(level: Level) -> list[Case]:
    return [case for case in cases(level) if level not in case.unreachable]


def unreachable(level: Level) -> list[Case]:
    return [case for case in cases(level) if level in case.unreachable]


@cache
def published_keys() -> Mapping[str, str]:
    """What the braces in a key record stand for."""
    return {
        "{rsa}": published(rsa_key()),
        "{ed25519}": published(ed25519_key()),
        "{rsa768}": published_numbers(2**767 + 1, 65537),
        "{rsa16384}": published_numbers(2**16383 + 1, 2**16382 + 1),
    }


def zone_of(case: Case) -> str:
    keys = "".join(txt(name, *records) for name, records in case.keys.items())
    for braces, key in published_keys().items():
        # In strings of at most 255 octets, wherever the record was cut.
        keys = keys.replace(braces, '" "'.join(key[at : at + 200] for at in range(0, len(key), 200)))
    return f"{_repeated(case, case.zone)}\n{keys}"


def message_of(case: Case) -> bytes:
    message = _octets(case, case.message)
    for tags in case.sign:
        message = sign(message, dict(tags))
    for words in case.seal:
        message = seal(message, **words)
    return _octets(case, case.above) + message + _octets(case, case.below)


def _octets(case: Case, text: str) -> bytes:
    lines = _repeated(case, text).replace("\n", "\r\n")
    return lines.replace("\u240a", "\n").replace("\u240d", "\r").encode()


def _repeated(case: Case, text: str) -> str:
    repeated, times = case.repeat
    return text.replace("REPEAT", repeated * times)
