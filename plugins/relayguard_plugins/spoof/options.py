"""The options of the spoof filter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from relayguard import Address, IpNetwork, to_a_labels
from relayguard_plugins.spoof.policy import DEFAULT, Row
from relayguard_plugins.spoof.signals import Signal

Setting = Literal["off", "shadow", "enforce"]
StrengthName = Literal["weak", "medium", "strong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemptions:
    """Whose mail gives no signals: any of these is enough.

    `sender` are addresses and domains of MAIL FROM that SPF passed for, `dkim_domain` domains that have signed, `list`
    domains of lists that have, `client` networks, `recipient` addresses and domains, of all recipients.
    """

    sender: tuple[str, ...] = ()
    dkim_domain: tuple[str, ...] = ()
    list: tuple[str, ...] = ()
    client: tuple[IpNetwork, ...] = ()
    recipient: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("sender", "dkim_domain", "list", "recipient"):
            for entry in getattr(self, name):
                if to_a_labels(entry.rpartition("@")[2]) is None:
                    raise ValueError(f"exempt.{name}: {entry!r} is no address or domain")


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

    def setting(self, signal: Signal) -> Setting:
        """Return whether a signal is off, in shadow, or enforced."""
        return self.signals.get(signal, self.default)


def matcher(entries: tuple[str, ...]) -> Callable[[Address], bool]:
    """Return what tells whether an address is one of `entries`, or of a domain among them or below."""
    whole = {entry.casefold() for entry in entries if "@" in entry}
    domains = tuple(to_a_labels(entry) or "" for entry in entries if "@" not in entry)
    below = tuple(f".{domain}" for domain in domains)
    return lambda address: (
        bool(address.domain)
        and (str(address).casefold() in whole or address.domain in domains or address.domain.endswith(below))
    )
