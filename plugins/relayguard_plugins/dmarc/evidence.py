"""Evidence that a message which fails DMARC was forwarded by somebody whom the postmaster trusts.

RFC 9989 §7.4 wants more than ``p=reject`` before mail is refused. Only authenticated evidence counts here:
whoever forges an author can forge a List-Id, sign as himself, and seal what he likes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from relayguard import (
    ArcResult,
    ArcSet,
    ArcValue,
    AuthenticationResults,
    Headers,
    IpNetwork,
    Results,
    Session,
    contains,
    lies_under,
    read_results,
    to_a_labels,
)
from relayguard_plugins.dmarc.evaluation import Identifiers

MAX_SEALED = 10
"""So many sets of a chain are read, the newest: no message is forwarded more often by those whom one knows."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom the postmaster trusts to forward: networks, domains that sign, and sealers of ARC (both in A-labels)."""

    networks: tuple[IpNetwork, ...] = ()
    domains: frozenset[str] = frozenset()
    sealers: frozenset[str] = frozenset()


NOBODY = Trusted()

_Said = tuple[str | None, str | None]
"""What was found, and what could not be checked."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a message; `unknown` says why a trusted forwarder's word could not be checked."""

    forwarder: str | None = None
    unknown: str | None = None
    mailing_list: bool = False


class Witness:
    """Looks for the evidence in one message; what the sealers say is read once for all authors."""

    def __init__(
        self, session: Session, headers: Headers, results: Results, identifiers: Identifiers, trusted: Trusted
    ) -> None:
        self._session = session
        self._headers = headers
        self._results = results
        self._identifiers = identifiers
        self._trusted = trusted

    def evidence_for(self, author: str) -> Evidence:
        """Return the evidence for mail of the author domain."""
        forwarder, unknown = self._network(), None
        for found, missing in (self._signer, self._sealer(author)):
            forwarder = forwarder or found
            unknown = unknown or missing
        mailing_list = self._headers.first("List-Id") is not None
        return Evidence(forwarder, None if forwarder else unknown, mailing_list)

    @cached_property
    def _chain(self) -> ArcResult | None:
        """The chain that passes, or that could not be checked for want of a key."""
        found = self._results.of(ArcResult) if self._trusted.sealers else ()
        return next((each for each in found if each.value in (ArcValue.PASS, ArcValue.TEMPERROR)), None)

    @cached_property
    def _sealed(self) -> list[tuple[ArcSet, AuthenticationResults]]:
        return list(self._trusted_sets())

    def _trusted_sets(self) -> Iterator[tuple[ArcSet, AuthenticationResults]]:
        """Yield what trusted sealers found, the newest first, as far as only they have sealed since."""
        for said in reversed(self._chain.sets[-MAX_SEALED:] if self._chain is not None else ()):
            # RFC 8617 §7.2: a sealer whom nobody trusts could have written anything about those before.
            if said.sealer not in self._trusted.sealers or not said.signs_from:
                return
            read = read_results(said.results)
            if read is not None:
                yield said, read

    def _network(self) -> str | None:
        address = self._session.client_address
        return f"client {address}" if contains(self._trusted.networks, address) else None

    @cached_property
    def _signer(self) -> _Said:
        """A signature alone proves nothing: any message that the forwarder once signed could be sent again."""
        known, unknown = self._identifiers, None
        for domain in self._trusted.domains:
            signed = domain in known.dkim
            sent = any(lies_under(sender, domain) for sender in known.spf)
            if signed and sent:
                return f"DKIM and SPF of {domain}", None
            may_be_signed = domain in known.dkim_unknown
            may_be_sent = any(lies_under(sender, domain) for sender in known.spf_unknown)
            if (signed and may_be_sent) or (sent and may_be_signed):
                unknown = f"DKIM and SPF of {domain} could not be checked"
        return None, unknown

    def _sealer(self, author: str) -> _Said:
        sealer = next((said.sealer for said, read in self._sealed if _passed(author, read)), None)
        chain = self._chain
        if sealer is not None and chain is not None:
            # Else what it claims may be true: its key could not be had.
            passed = chain.value is ArcValue.PASS
            return (f"ARC of {sealer}", None) if passed else (None, f"ARC: {chain.reason}")
        return None, "ARC could not be checked" if self._trusted.sealers and self._lost_chain() else None

    def _lost_chain(self) -> bool:
        return self._results.failed("arc") and self._headers.first("ARC-Seal") is not None


def _passed(author: str, read: AuthenticationResults) -> bool:
    """Tell whether a sealer says that this author passed DMARC, and nothing else of him."""
    values = set()
    for entry in read.entries:
        if entry.method == "dmarc":
            # Some write the whole address, or in another case.
            domains = [text.rpartition("@")[2] for ptype, name, text in entry.properties if (ptype, name) == _FROM]
            if author in map(to_a_labels, domains):
                values.add(entry.value if len(domains) == 1 else "several")
    return values == {"pass"}


_FROM = ("header", "from")
