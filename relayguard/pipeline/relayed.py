"""What a relay of our own has found and written into its Authentication-Results, where only it could see the client."""

from collections.abc import Callable, Iterator, Mapping

from relayguard.authentication_results.read import read_results
from relayguard.authentication_results.render import HEADER_NAME
from relayguard.authentication_results.scan import MAX_FIELDS
from relayguard.core.domain import to_a_labels
from relayguard.core.headers import Headers
from relayguard.core.results import Reported
from relayguard.core.standards import IprevResult, IprevValue, SpfIdentity, SpfResult, SpfValue

Relayed = SpfResult | IprevResult


def relayed(headers: Headers, authserv_id: str, source: str) -> list[Relayed]:
    """Return the results of SPF and iprev in the topmost of our own fields that has any of them.

    Only for mail of a trusted relay: it writes above what came before it, and has removed what was forged.
    `source` says in the results who found them.
    """
    own = to_a_labels(authserv_id)
    found: dict[str, list[Relayed]] = {}
    for field in headers.all(HEADER_NAME)[:MAX_FIELDS]:
        read = read_results(field.value)
        if read is None or to_a_labels(read.authserv_id) != own:
            continue
        for method, result_of in _METHODS.items():
            entries = [entry for entry in read.entries if entry.method == method]
            if entries and method not in found:
                found[method] = [result for entry in entries for result in result_of(entry, source)]
    return [result for results in found.values() for result in results]


def _spf(entry: Reported, source: str) -> Iterator[Relayed]:
    for ptype, name, identifier in entry.properties:
        if ptype == "smtp" and name in _IDENTITIES and entry.value in _SPF_VALUES:
            yield SpfResult(
                value=SpfValue(entry.value),
                identity=SpfIdentity(name),
                domain=to_a_labels(identifier.rpartition("@")[2]) or "",
                identifier=identifier,
                source=source,
            )


def _iprev(entry: Reported, source: str) -> Iterator[Relayed]:
    for ptype, name, address in entry.properties:
        if (ptype, name) == ("policy", "iprev") and entry.value in _IPREV_VALUES:
            yield IprevResult(value=IprevValue(entry.value), address=address, source=source)


_METHODS: Mapping[str, Callable[[Reported, str], Iterator[Relayed]]] = {"spf": _spf, "iprev": _iprev}
_IDENTITIES, _SPF_VALUES, _IPREV_VALUES = frozenset(SpfIdentity), frozenset(SpfValue), frozenset(IprevValue)
