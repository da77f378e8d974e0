"""The results of the standards' checks: SPF, DKIM, ARC, iprev, DMARC and SMTP AUTH."""

from dataclasses import dataclass
from enum import StrEnum

from relayguard.core.results import Reported, Result
from relayguard.core.words import Word


def _check_texts(result: object, *texts: object) -> None:
    # Later filters trust the standards' types: a wrong one must cost the filter that yields it.
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{type(result).__name__}: its domain and value must be str, not {texts!r}")


class SpfValue(Word):
    """RFC 7208 §2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfIdentity(Word):
    """The identity that SPF checked; its value is the property of RFC 8601 §2.7.2."""

    MAIL_FROM = "mailfrom"
    HELO = "helo"


PERMISSIVE = ("policy", "spf", "permissive")
"""The property by which a relay of our own tells us of a permissive record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfResult(Result):
    """SPF of one identity (RFC 7208). Only `SpfIdentity.MAIL_FROM` may feed DMARC (RFC 9989 §4.4.2).

    `domain` is the domain that was checked; for the null sender that of HELO (RFC 7208 §2.4). `permissive` marks
    a pass by a record that lets a large part of the internet pass. `source` names who found it, if not we.
    """

    value: SpfValue
    identity: SpfIdentity
    domain: str
    identifier: str
    permissive: bool = False
    source: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.identity, self.domain, self.identifier)

    def reported(self) -> Reported:
        """``spf=pass smtp.mailfrom=a@example.com``; ``policy.spf=permissive`` marks a pass that says little."""
        properties: tuple[tuple[str, str, str], ...] = (("smtp", self.identity, self.identifier),)
        if self.permissive:
            properties += (PERMISSIVE,)
        return Reported("spf", self.value, properties, reason=self.reason, comment=self.source)


class DkimValue(Word):
    """RFC 8601 §2.7.1."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimResult(Result):
    """One DKIM signature (RFC 6376), or `DkimValue.NONE` for a message without one.

    `domain` and `selector` are in A-labels, empty where the signature does not tell. `tag` is the start
    of the signature itself, which tells several signatures apart (RFC 6008). `testing` is the key's ``t=y``.
    """

    value: DkimValue
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    tag: str = ""
    testing: bool = False
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.domain, self.selector)

    def reported(self) -> Reported:
        """``dkim=pass header.d=example.com header.s=s1 header.a=rsa-sha256 header.b=AbCdEfGh``."""
        named = (("d", self.domain), ("s", self.selector), ("a", self.algorithm), ("b", self.tag))
        properties = tuple(("header", name, value) for name, value in named if value)
        comment = "testing key" if self.testing else None
        return Reported("dkim", self.value, properties, reason=self.reason, comment=comment)


class ArcValue(Word):
    """RFC 8617 §4.4; and what is neither, because DNS did not answer."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcSet:
    """What one ARC set says (RFC 8617 §4.2). It is as true as `sealer`, its domain in A-labels, is trusted.

    `results` is what the sealer found, as in Authentication-Results: `relayguard.read_results` reads it. `signs_from`
    tells whether its signature covers the From field: only then does it belong to this author.
    """

    instance: int
    sealer: str
    results: bytes = b""
    signs_from: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcResult(Result):
    """The ARC chain of a message (RFC 8617).

    `sets` are those of a chain that passes, or that could not be checked (``temperror``), the oldest first.

    `oldest_pass` is the oldest instance from which on the message is unchanged, 0 if it was never changed, None if
    that is not known. `client` is the address of the host that handed the message over.
    """

    value: ArcValue
    sets: tuple[ArcSet, ...] = ()
    oldest_pass: int | None = None
    client: str = ""
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.client)

    def reported(self) -> Reported:
        """``arc=pass header.oldest-pass=0 smtp.remote-ip=192.0.2.1``."""
        properties: list[tuple[str, str, str]] = []
        if self.oldest_pass is not None:
            properties.append(("header", "oldest-pass", str(self.oldest_pass)))
        if self.client and self.value is not ArcValue.NONE:
            properties.append(("smtp", "remote-ip", self.client))
        passed = self.value is ArcValue.PASS and self.sets
        comment = f"i={self.sets[-1].instance}, sealed by {self.sets[-1].sealer}" if passed else None
        # RFC 8617 §5.2.1: the header knows no temporary error; whoever decides here does.
        value = ArcValue.FAIL if self.value is ArcValue.TEMPERROR else self.value
        return Reported("arc", value, tuple(properties), reason=self.reason, comment=comment)


class IprevValue(Word):
    """RFC 8601 §2.7.3."""

    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True, kw_only=True)
class IprevResult(Result):
    """Whether the client's address has a name that leads back to it (RFC 8601 §3); `name` is that name."""

    value: IprevValue
    address: str
    name: str | None = None
    source: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.address)

    def reported(self) -> Reported:
        """``iprev=pass (mail.example.org) policy.iprev=192.0.2.1``."""
        comment = ", ".join(filter(None, (self.name, self.source))) or None
        properties = (("policy", "iprev", self.address),)
        return Reported("iprev", self.value, properties, reason=self.reason, comment=comment)


class DmarcValue(Word):
    """RFC 9989 §9.2."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class DmarcPolicy(Word):
    """What a domain owner asks for (RFC 9989 §4.7)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class OverrideKind(StrEnum):
    """Why a failure was not treated as its policy asks, in the words of aggregate reports (RFC 9990 §3.1.1.9)."""

    LOCAL_POLICY = "local_policy"
    """The configuration says otherwise for this author domain."""
    MAILING_LIST = "mailing_list"
    """The message seems to come from a mailing list, which may have broken what would have passed."""
    POLICY_TEST_MODE = "policy_test_mode"
    """The owner is testing (``t=y``)."""
    TRUSTED_FORWARDER = "trusted_forwarder"
    """A forwarder that the configuration trusts vouches for it."""


@dataclass(frozen=True, slots=True)
class Override:
    """One departure from the owner's policy; `comment` says on what evidence."""

    kind: OverrideKind
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcResult(Result):
    """DMARC of the author domain (RFC 9989).

    `domain` is the author domain, empty if there is not exactly one. `policy` is the owner's policy after
    ``sp``, ``np`` and ``t``; None where there is no record. `record_domain` is where the record was found.
    For a failure, `applied` is what the filter asks to be done, and `overrides` say why it is not the policy.
    """

    value: DmarcValue
    domain: str = ""
    policy: DmarcPolicy | None = None
    record_domain: str | None = None
    applied: DmarcPolicy | None = None
    overrides: tuple[Override, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, self.value, self.domain)

    def reported(self) -> Reported:
        """``dmarc=fail header.from=example.com policy.dmarc=reject``."""
        properties: list[tuple[str, str, str]] = []
        if self.domain:
            properties.append(("header", "from", self.domain))
        if self.policy is not None:
            properties.append(("policy", "dmarc", self.policy))
        notes = [f"{override.kind}: {override.comment}" for override in self.overrides]
        comment = ", ".join([f"applied {self.applied}", *notes]) if notes and self.applied is not None else None
        return Reported("dmarc", self.value, tuple(properties), reason=self.reason, comment=comment)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthResult(Result):
    """The client authenticated itself by SMTP AUTH (RFC 4954). The login stays out of the header."""

    def reported(self) -> Reported:
        """``auth=pass``."""
        return Reported("auth", "pass")
