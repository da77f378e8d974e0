"""Evidence that a message which fails DMARC was forwarded by somebody whom the postmaster trusts.

RFC 9989 §7.4 wants more than ``p=reject`` before mail is refused. Only authenticated evidence counts here:
whoever forges an author can forge a List-Id, sign as himself, and seal what he likes.
"""

import re
from dataclasses import dataclass

from relayguard import (
    ArcResult,
    ArcSet,
    ArcValue,
    DkimResult,
    DkimValue,
    Envelope,
    Headers,
    IpNetwork,
    Reported,
    Results,
    Session,
    contains,
    lies_under,
    read_results,
    to_a_labels,
)

_LIST_ID = re.compile(r"<([^<>]*+)>[ \t]*+\Z")


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


def evidence_for(
    author: str, session: Session, envelope: Envelope, headers: Headers, results: Results, trusted: Trusted
) -> Evidence:
    """Return the evidence for mail of the author domain."""
    list_domain = list_domain_of(headers)
    forwarder = (
        _network(session, trusted)
        or _signer(envelope, list_domain, results, trusted)
        or _sealer(author, results, trusted)
    )
    unknown = None if forwarder else _unknown(author, headers, results, trusted)
    return Evidence(forwarder, unknown, headers.first("List-Id") is not None)


def list_domain_of(headers: Headers) -> str:
    """Return the domain in the one List-Id field (RFC 2919 §3), in A-labels; empty if there is none, or several."""
    fields = headers.all("List-Id")
    matched = _LIST_ID.search(fields[0].text[-300:]) if len(fields) == 1 else None
    return (to_a_labels(matched[1].strip()) or "") if matched else ""


def _network(session: Session, trusted: Trusted) -> str | None:
    return f"client {session.client_address}" if contains(trusted.networks, session.client_address) else None


def _signer(envelope: Envelope, list_domain: str, results: Results, trusted: Trusted) -> str | None:
    for result in results.of(DkimResult):
        domain = result.domain
        if result.value is DkimValue.PASS and domain in trusted.domains:
            # The list's or the sender's own: not just any message that the forwarder once signed.
            if list_domain and lies_under(list_domain, domain):
                return f"DKIM of {domain}, the list's"
            if domain == envelope.sender.domain:
                return f"DKIM of {domain}, the sender's"
    return None


def _sealer(author: str, results: Results, trusted: Trusted) -> str | None:
    for result in results.of(ArcResult):
        sealer = _voucher(author, result.sets, trusted) if result.value is ArcValue.PASS else None
        if sealer:
            return f"ARC of {sealer}"
    return None


def _voucher(author: str, sets: tuple[ArcSet, ...], trusted: Trusted) -> str | None:
    """Return the trusted sealer who saw the author pass; between him and us only trusted ones may have sealed."""
    for said in reversed(sets):
        # RFC 8617 §7.2: a sealer whom nobody trusts could have written anything about those before.
        if said.sealer not in trusted.sealers or not said.signs_from:
            return None
        read = read_results(said.results)
        if read is not None and any(_passed(author, entry) for entry in read.entries):
            return said.sealer
    return None


def _passed(author: str, entry: Reported) -> bool:
    if (entry.method, entry.value) != ("dmarc", "pass"):
        return False
    # Some write the whole address, or in another case.
    authors = [
        text.rpartition("@")[2] for ptype, name, text in entry.properties if (ptype, name) == ("header", "from")
    ]
    return [to_a_labels(each) for each in authors] == [author]


def _unknown(author: str, headers: Headers, results: Results, trusted: Trusted) -> str | None:
    if not trusted.sealers:
        return None
    if results.failed("arc") and headers.first("ARC-Seal") is not None:
        return "ARC could not be checked"
    for result in results.of(ArcResult):
        # What it claims may be true: its key could not be had.
        if result.value is ArcValue.TEMPERROR and _voucher(author, result.sets, trusted):
            return f"ARC: {result.reason}"
    return None
