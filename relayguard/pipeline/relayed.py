"""What a relay of our own has found and written into its Authentication-Results, where only it could see the client."""

from collections.abc import Callable, Iterator, Mapping

from relayguard.authentication_results.read import AuthenticationResults, read_results
from relayguard.authentication_results.render import HEADER_NAME
from relayguard.authentication_results.scan import MAX_FIELDS
from relayguard.core.domain import to_a_labels
from relayguard.core.headers import Headers
from relayguard.core.results import Reported
from relayguard.core.standards import PERMISSIVE, IprevResult, IprevValue, SpfIdentity, SpfResult, SpfValue

MAX_RECEIVED = 3
"""So many Received fields may stand above what a relay wrote: it may have filtered the message, and taken it in again."""

Relayed = SpfResult | IprevResult
_HEADER_NAME = HEADER_NAME.lower()


def relayed(headers: Headers, authserv_id: str, source: str) -> list[Relayed]:
    """Return the results of SPF and iprev in those of our own fields that the relay wrote, of each the topmost.

    Only for mail of a trusted relay, which must remove what is forged. `source` says in the results who found them.
    """
    found: dict[str, list[Relayed]] = {}
    for read in _written_by_relay(headers, authserv_id):
        for method, result_of in _METHODS.items():
            entries = [entry for entry in read.entries if entry.method == method]
            if entries and method not in found:
                found[method] = [result for entry in entries for result in result_of(entry, source)]
    return [result for results in found.values() for result in results]


def _written_by_relay(headers: Headers, authserv_id: str) -> Iterator[AuthenticationResults]:
    own = to_a_labels(authserv_id)
    left, received, begun = MAX_FIELDS, 0, False
    for header in headers:
        name = header.name.lower()
        if name == "received":
            received += 1
            # A relay writes around its own Received; below that stands what came to it.
            if begun or received > MAX_RECEIVED:
                return
        elif name == _HEADER_NAME and left:
            left -= 1
            read = read_results(header.value)
            if read is not None and to_a_labels(read.authserv_id) == own:
                begun = True
                yield read


def _spf(entry: Reported, source: str) -> Iterator[Relayed]:
    for ptype, name, identifier in entry.properties:
        if ptype == "smtp" and name in _IDENTITIES and entry.value in _SPF_VALUES:
            yield SpfResult(
                value=SpfValue(entry.value),
                identity=SpfIdentity(name),
                domain=to_a_labels(identifier.rpartition("@")[2]) or "",
                identifier=identifier,
                permissive=PERMISSIVE in entry.properties,
                source=source,
            )


def _iprev(entry: Reported, source: str) -> Iterator[Relayed]:
    for ptype, name, address in entry.properties:
        if (ptype, name) == ("policy", "iprev") and entry.value in _IPREV_VALUES:
            yield IprevResult(value=IprevValue(entry.value), address=address, source=source)


_METHODS: Mapping[str, Callable[[Reported, str], Iterator[Relayed]]] = {"spf": _spf, "iprev": _iprev}
_IDENTITIES, _SPF_VALUES, _IPREV_VALUES = frozenset(SpfIdentity), frozenset(SpfValue), frozenset(IprevValue)
