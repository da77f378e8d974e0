"""For whoever tests a filter: factories, fakes, a zone, real servers on loopback, a milter client.

The servers have modules of their own: `relayguard.testing.daemon`, `.dns_server`, `.postfix`, `.sendmail`, `.redis`
and `.milter_client`.
"""

from relayguard.dns.zone import ZoneResolver
from relayguard.testing.factories import (
    NOON,
    CountedMetrics,
    FrozenClock,
    MemoryStore,
    a_session,
    an_envelope,
    collect,
    some_headers,
    some_services,
)

__all__ = [
    "NOON",
    "CountedMetrics",
    "FrozenClock",
    "MemoryStore",
    "ZoneResolver",
    "a_session",
    "an_envelope",
    "collect",
    "some_headers",
    "some_services",
]
