"""Signals of DNS: an author's domain that does not exist, or takes no mail."""

from collections.abc import Iterator

from relayguard import Question, RecordType, Resolver, Status
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.signals import Signal, Suspicion


def question(domain: str) -> Question:
    """Return what is asked of every author's domain."""
    return Question(domain, RecordType.MX)


async def reachable(domain: str, resolver: Resolver) -> Iterator[Suspicion]:
    """Yield a suspicion of a domain that does not exist, or whose owner says that it takes no mail."""
    exchangers = await resolver.resolve(question(domain))
    if exchangers.status is Status.NXDOMAIN:
        return iter([suspicion(Signal.UNKNOWN_DOMAIN, f"{domain} does not exist")])
    # RFC 7505 §3: one exchanger, whose name is empty.
    if [exchange.host for exchange in exchangers.exchanges] in ([""], ["."]):
        return iter([suspicion(Signal.UNREACHABLE_DOMAIN, f"{domain} takes no mail (null MX)")])
    if exchangers.status is not Status.NODATA:
        return iter(())
    # RFC 5321 §5.1: without MX, its address stands in.
    addresses = await resolver.resolve_all([Question(domain, kind) for kind in (RecordType.A, RecordType.AAAA)])
    if all(answer.status in (Status.NODATA, Status.NXDOMAIN) for answer in addresses.values()):
        return iter([suspicion(Signal.UNREACHABLE_DOMAIN, f"{domain} has no host that takes mail")])
    return iter(())
