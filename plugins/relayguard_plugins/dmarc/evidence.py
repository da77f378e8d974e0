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
    DkimResult,
    DkimValue,
    Headers,
    IpNetwork,
    Results,
    Session,
    SpfIdentity,
    SpfResult,
    SpfValue,
    contains,
    lies_under,
    read_results,
    to_a_labels,
)


MAX_SEALED = 10
"""So many sets of a chain are read, the newest: no message is forwarded more often by those whom one knows."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom the postmaster trusts to forward: networks, domains that sign, and sealers of ARC (both in A-labels)."""

    networks: tuple[IpNetwork, ...] = ()
    domains: frozenset[str] = frozenset()
    sealers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a message; `unknown` says why a trusted forwarder's word could not be checked."""

    forwarder: str | None = None
    unknown: str | None = None
    mailing_list: bool = False


class Witness:
    """Looks for the evidence in one message; what the sealers say is read once for all authors."""

    def __init__(self, session: Session, headers: Headers, results: Results, trusted: Trusted) -> None:
        self._session = session
        self._headers = headers
        self._results = results
        self._trusted = trusted

    def evidence_for(self, author: str) -> Evidence:
        """Return the evidence for mail of the author domain."""
        mailing_list = self._headers.first("List-Id") is not None
        sealer = next((said.sealer for said, read in self._sealed if _passed(author, read)), None)
        chain = self._chain
        forwarder = self._network() or self._signer()
        if forwarder is None and sealer is not None and chain is not None and chain.value is ArcValue.PASS:
            forwarder = f"ARC of {sealer}"
        unknown = None
        if forwarder is None and sealer is not None and chain is not None:
            # What it claims may be true: its key could not be had.
            unknown = f"ARC: {chain.reason}"
        elif forwarder is None and self._trusted.sealers and self._lost_chain():
            unknown = "ARC could not be checked"
        return Evidence(forwarder, unknown, mailing_list)

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

    def _signer(self) -> str | None:
        """A signature alone proves nothing: any message that the forwarder once signed could be sent again."""
        senders = [
            each.domain
            for each in self._results.of(SpfResult)
            if each.identity is SpfIdentity.MAIL_FROM and each.value is SpfValue.PASS
        ]
        for result in self._results.of(DkimResult):
            domain = result.domain
            signed = result.value is DkimValue.PASS and domain in self._trusted.domains
            if signed and any(lies_under(sender, domain) for sender in senders):
                return f"DKIM and SPF of {domain}"
        return None

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
