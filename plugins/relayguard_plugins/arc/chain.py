"""The ARC sets of a message: read and put in order, before anything is computed or asked (RFC 8617 §4.1, §5.2)."""

import re
from dataclasses import dataclass
from typing import TypeVar

from relayguard import ArcSet, Cap, Header, Headers
from relayguard_plugins.dkim.signature import Signature, signature_of
from relayguard_plugins.dkim.values import (
    SignatureError,
    read_algorithm,
    read_base64,
    read_domain,
    read_tags,
    read_time,
)

MAX_SETS = 50
"""RFC 8617 §4.2.1."""

_RESULTS = "ARC-Authentication-Results"
_SIGNATURE = "ARC-Message-Signature"
_SEAL = "ARC-Seal"
_NAMES = frozenset(name.lower() for name in (_RESULTS, _SIGNATURE, _SEAL))

# RFC 8617 §4.1.1: the instance comes first.
_PREFIX = re.compile(rb"[ \t\r\n]*+i[ \t\r\n]*+=[ \t\r\n]*+(\d{1,2})[ \t\r\n]*+;")
_INSTANCE = re.compile(rb"\d{1,2}\Z")

T = TypeVar("T")


class ChainError(Exception):
    """The sets are no chain; the message says why, `cap` which bound was hit, if any."""

    def __init__(self, reason: str, cap: Cap | None = None) -> None:
        super().__init__(reason)
        self.cap = cap


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """An ARC-Seal whose syntax is right; `status` is its ``cv=``."""

    header: Header
    algorithm: str
    domain: str
    selector: str
    signature: bytes
    status: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One set of the chain; `results` is the field of the sealer's results."""

    instance: int
    results: Header
    message_signature: Signature
    seal: Seal

    def said(self) -> ArcSet:
        """Return what the set says, for whoever trusts its sealer."""
        return ArcSet(
            instance=self.instance,
            sealer=self.seal.domain,
            results=self.results.value.partition(b";")[2],
            signs_from=b"from" in self.message_signature.names,
        )


def read_chain(headers: Headers) -> tuple[Link, ...]:
    """Return the chain, the oldest set first; empty if the message has none. Raises ChainError."""
    if headers.by_name.keys().isdisjoint(_NAMES):
        return ()
    fields = {name: headers.all(name) for name in (_RESULTS, _SIGNATURE, _SEAL)}
    if any(len(found) > MAX_SETS for found in fields.values()):
        raise ChainError(f"more than {MAX_SETS} sets", Cap.ARC_SETS)
    try:
        results = _by_instance(_RESULTS, [_results(field) for field in fields[_RESULTS]])
        signatures = _by_instance(_SIGNATURE, [_message_signature(field) for field in fields[_SIGNATURE]])
        seals = _by_instance(_SEAL, [_seal(field) for field in fields[_SEAL]])
    except SignatureError as error:
        raise ChainError(error.reason, error.cap) from error
    chain = _linked(results, signatures, seals)
    _check_statuses(chain)
    return chain


def _by_instance(name: str, read: list[tuple[int, T]]) -> dict[int, T]:
    found = dict(read)
    # RFC 8617 §5.2 step 3: exactly one of each kind.
    if len(found) < len(read):
        raise ChainError(f"an instance has two {name} fields")
    return found


def _linked(results: dict[int, Header], signatures: dict[int, Signature], seals: dict[int, Seal]) -> tuple[Link, ...]:
    instances = range(1, max(*results, *signatures, *seals, 1) + 1)
    for instance in instances:
        # RFC 8617 §5.2 step 3: all of them, from 1 without a gap.
        if not (instance in results and instance in signatures and instance in seals):
            raise ChainError(f"set {instance} is not complete")
    return tuple(Link(each, results[each], signatures[each], seals[each]) for each in instances)


def _check_statuses(chain: tuple[Link, ...]) -> None:
    # RFC 8617 §5.2 step 2: a chain that was found broken stays so; first, for it is the better reason.
    if chain[-1].seal.status == b"fail":
        raise ChainError(f"set {len(chain)} says that the chain had failed")
    for link in chain:
        if link.seal.status != (b"none" if link.instance == 1 else b"pass"):
            raise ChainError(f"cv= of set {link.instance} cannot be")


def _results(field: Header) -> tuple[int, Header]:
    matched = _PREFIX.match(field.value)
    if matched is None:
        raise ChainError(f"{_RESULTS} without an instance")
    return _instance(matched[1]), field


def _message_signature(field: Header) -> tuple[int, Signature]:
    tags = read_tags(field, ("i", "a", "b", "bh", "d", "s"), strict=True)
    if "h" not in tags:
        raise ChainError(f"{_SIGNATURE}: h= is missing")
    # RFC 8617 §4.1.2 leaves c= as DKIM has it, simple; but sealers who leave it out mean relaxed, and the suite says so.
    tags.setdefault("c", b"relaxed/relaxed")
    domain = read_domain(tags["d"], "d")
    signature = signature_of(field, tags, domain, domain)
    # RFC 8617 §4.1.2: the seal comes after the signature, so it cannot be signed by it.
    if b"arc-seal" in signature.names:
        raise ChainError(f"{_SIGNATURE} signs a seal")
    return _instance(tags["i"]), signature


def _seal(field: Header) -> tuple[int, Seal]:
    tags = read_tags(field, ("i", "a", "b", "cv", "d", "s"), strict=True)
    # RFC 8617 §4.1.3: what a seal covers is fixed.
    if "h" in tags:
        raise ChainError(f"{_SEAL} has h=")
    read_time(tags, "t")
    seal = Seal(
        header=field,
        algorithm=read_algorithm(tags["a"]),
        domain=read_domain(tags["d"], "d"),
        selector=read_domain(tags["s"], "s"),
        signature=read_base64(tags["b"], "b"),
        status=tags["cv"].lower(),
    )
    return _instance(tags["i"]), seal


def _instance(value: bytes) -> int:
    if not _INSTANCE.match(value) or not 1 <= int(value) <= MAX_SETS:
        raise ChainError("an instance is no number from 1 to 50")
    return int(value)
