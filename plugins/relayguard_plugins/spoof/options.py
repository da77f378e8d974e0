"""The options of the spoof filter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from relayguard import Address, IpNetwork, lies_under, parse_path, to_a_labels
from relayguard_plugins.spoof.organisations import SUFFIXES
from relayguard_plugins.spoof.policy import DEFAULT, Row
from relayguard_plugins.spoof.signals import Signal

Setting = Literal["off", "shadow", "enforce"]
StrengthName = Literal["weak", "medium", "strong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemptions:
    """Whose mail gives no signals: any of these is enough.

    `sender` are addresses and domains of MAIL FROM that SPF passed for, `dkim_domain` domains that have signed, `list`
    domains of lists that have, `client` networks, `recipient` addresses and domains, of all recipients. An address
    stands for its subaddresses, too: bob@ for bob+news@.
    """

    sender: tuple[str, ...] = ()
    dkim_domain: tuple[str, ...] = ()
    list: tuple[str, ...] = ()
    client: tuple[IpNetwork, ...] = ()
    recipient: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, read, what in (
            ("sender", _entry, "address or domain"),
            ("recipient", _entry, "address or domain"),
            ("dkim_domain", to_a_labels, "domain name"),
            ("list", to_a_labels, "domain name"),
        ):
            for entry in getattr(self, name):
                if read(entry) is None:
                    raise ValueError(f"exempt.{name}: {entry!r} is no {what}")


def _entry(text: str) -> str | None:
    """Return an address or a domain, which an ``@`` may precede, as it is compared; None if it is neither."""
    if "@" not in text[1:]:
        return to_a_labels(text.removeprefix("@"))
    local, _, domain = text.rpartition("@")
    address = parse_path(f"{local}@{domain.removesuffix('.')}".encode("utf-8", "replace"))
    return str(address).casefold() or None


_NOBODY = Exemptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.spoof]`` table.

    `own_domains` are ours, `protected_domains` a file of others that must not be imitated, `protected_people` one of
    names; `honest_domains` look like one of them and are not meant to. `default` is the setting of signals that `signals` does not
    name, and `strengths` says what one says where that is not what it usually says. With `header` a field names the signals.
    `forwarders`, `forwarder_domains` and `trusted_sealers` are those whom the dmarc filter trusts to forward, too.
    """

    own_domains: tuple[str, ...] = ()
    protected_domains: Path | None = None
    protected_people: Path | None = None
    honest_domains: tuple[str, ...] = ()
    default: Setting = "shadow"
    signals: dict[Signal, Setting] = field(default_factory=dict)
    strengths: dict[Signal, StrengthName] = field(default_factory=dict)
    policy: tuple[Row, ...] = DEFAULT
    forwarders: tuple[IpNetwork, ...] = ()
    forwarder_domains: tuple[str, ...] = ()
    trusted_sealers: tuple[str, ...] = ()
    exempt: Exemptions = _NOBODY
    header: bool = False

    def __post_init__(self) -> None:
        for name in ("own_domains", "honest_domains", "forwarder_domains", "trusted_sealers"):
            for entry in getattr(self, name):
                if to_a_labels(entry) is None:
                    raise ValueError(f"{name}: {entry!r} is no domain name")
        for entry in self.own_domains:
            if SUFFIXES.is_of_registry(to_a_labels(entry) or ""):
                raise ValueError(f"own_domains: {entry!r} is a public suffix, under which anybody has a domain")

    def setting(self, signal: Signal) -> Setting:
        """Return whether a signal is off, in shadow, or enforced."""
        return self.signals.get(signal, self.default)


def matcher(entries: tuple[str, ...]) -> Callable[[Address], bool]:
    """Return what tells whether an address, or what it is a subaddress of, is one of `entries`, or under a domain of them."""
    known = [_entry(entry) or "" for entry in entries]
    whole = frozenset(entry for entry in known if "@" in entry)
    domains = tuple(entry for entry in known if "@" not in entry)

    def matches(address: Address) -> bool:
        if not address.domain:
            return False
        # RFC 5233: bob+news@ is bob's.
        names = (address.local, address.local.partition("+")[0])
        return any(f"{local}@{address.domain}".casefold() in whole for local in names) or any(
            lies_under(address.domain, each) for each in domains
        )

    return matches
