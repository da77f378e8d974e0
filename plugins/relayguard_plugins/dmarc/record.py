"""The DMARC policy record (RFC 9989 §4.7)."""

import re
from dataclasses import dataclass
from typing import Literal

from relayguard import Answer, DmarcPolicy, Status

# RFC 9989 §4.7 v: the version comes first, and is case-sensitive.
_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_URI = re.compile(r"[ \t]*mailto:[^@\s]++@[^@\s]++[ \t]*", re.IGNORECASE)
_POLICIES = {policy.value: policy for policy in DmarcPolicy}
MAX_BYTES = 8 * 1024

Psd = Literal["y", "n", "u"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as published. A policy is None where it is absent; `valid` is False if one was unreadable."""

    policy: DmarcPolicy | None = None
    subdomain_policy: DmarcPolicy | None = None
    nonexistent_policy: DmarcPolicy | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False
    psd: Psd = "u"
    reported_to: bool = False
    valid: bool = True

    @property
    def applies(self) -> bool:
        """RFC 9989 §4.10.1: an unreadable policy is p=none if somebody wants reports, else as no record."""
        return self.valid or self.reported_to


def record_in(answer: Answer) -> Record | None:
    """Return the one record among a name's TXT records; several are as none (RFC 9989 §4.10)."""
    if answer.status is not Status.FOUND:
        return None
    texts = (text for text in answer.texts if len(text) <= MAX_BYTES)
    records = [record for text in texts if (record := parse_record(text)) is not None]
    return records[0] if len(records) == 1 else None


def parse_record(text: bytes) -> Record | None:
    """Read a TXT record; None if it is no DMARC record. Unknown tags are ignored, as RFC 9989 demands."""
    decoded = text.decode("latin-1")
    version = _VERSION.match(decoded)
    if version is None:
        return None
    tags: dict[str, str] = {}
    for spec in decoded[version.end() :].split(";"):
        name, equals, value = spec.partition("=")
        if equals:
            tags.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    lowered = {name: value.lower() for name, value in tags.items()}
    psd: Psd = "y" if lowered.get("psd") == "y" else "n" if lowered.get("psd") == "n" else "u"
    return Record(
        policy=_POLICIES.get(lowered.get("p", "")),
        subdomain_policy=_POLICIES.get(lowered.get("sp", "")),
        nonexistent_policy=_POLICIES.get(lowered.get("np", "")),
        strict_dkim=lowered.get("adkim") == "s",
        strict_spf=lowered.get("aspf") == "s",
        testing=lowered.get("t") == "y",
        psd=psd,
        reported_to=any(_URI.fullmatch(uri) for uri in tags.get("rua", "").split(",")),
        valid=all(lowered[name] in _POLICIES for name in ("p", "sp", "np") if name in lowered),
    )
