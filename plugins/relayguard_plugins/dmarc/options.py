"""The options of the DMARC filter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from relayguard import DmarcPolicy, IpNetwork, lies_under, to_a_labels
from relayguard_plugins.dmarc.evidence import Trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.dmarc]`` table.

    `forwarders` are networks whose mail is never refused for a failure: forwarding breaks SPF, and often DKIM.
    `forwarder_domains` are trusted likewise where they sign, and SPF passes for a sender of theirs;
    `trusted_sealers` where their ARC set says that the author passed. `never_reject` and `treat_as` are for
    author domains and all below them. `permissive_spf` says whether a pass by a permissive record counts, and
    `on_temperror` what is done if DNS does not tell.
    """

    forwarders: tuple[IpNetwork, ...] = ()
    forwarder_domains: tuple[str, ...] = ()
    trusted_sealers: tuple[str, ...] = ()
    never_reject: tuple[str, ...] = ()
    treat_as: dict[str, DmarcPolicy] = field(default_factory=dict)
    permissive_spf: Literal["count", "ignore"] = "count"
    on_temperror: Literal["accept", "defer"] = "accept"

    def __post_init__(self) -> None:
        for option in ("forwarder_domains", "trusted_sealers", "never_reject", "treat_as"):
            wrong = [name for name in getattr(self, option) if to_a_labels(name) is None]
            if wrong:
                raise ValueError(f"{option}: {', '.join(map(repr, wrong))} is no domain name")
        if len(_names(self.treat_as)) < len(self.treat_as):
            raise ValueError("treat_as: a domain is named twice")


class Exceptions:
    """The exceptions for author domains, ready to be looked up (in A-labels)."""

    def __init__(self, options: Options) -> None:
        self._never_reject = _names(options.never_reject)
        self._treat_as: Mapping[str, DmarcPolicy] = {
            to_a_labels(name) or "": policy for name, policy in options.treat_as.items()
        }

    def never_reject(self, author: str) -> bool:
        """Tell whether mail of this author is never refused."""
        return any(lies_under(author, name) for name in self._never_reject)

    def treat_as(self, author: str) -> DmarcPolicy | None:
        """Return the policy that stands in for the owner's, that of the nearest domain; None if there is none."""
        labels = author.split(".") if self._treat_as else []
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._treat_as[name] for name in names if name in self._treat_as), None)


class Trusting(Protocol):
    """Options that name whom to trust; those of another filter may, too."""

    @property
    def forwarders(self) -> tuple[IpNetwork, ...]: ...  # noqa: D102  # as in Options
    @property
    def forwarder_domains(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def trusted_sealers(self) -> tuple[str, ...]: ...  # noqa: D102


def trusted_by(options: Trusting) -> Trusted:
    """Return whom the options trust to forward."""
    return Trusted(options.forwarders, _names(options.forwarder_domains), _names(options.trusted_sealers))


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(to_a_labels(name) or "" for name in names)
