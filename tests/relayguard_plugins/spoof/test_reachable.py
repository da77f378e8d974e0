import asyncio

import pytest

from relayguard.testing import ZoneResolver
from relayguard_plugins.spoof.reachable import reachable
from relayguard_plugins.spoof.signals import Signal

ZONE = """
mx.example. IN MX 10 mail.mx.example.
host.example. IN A 192.0.2.1
six.example. IN AAAA 2001:db8::1
null.example. IN MX 0 .
text.example. IN TXT "nothing else"
"""


@pytest.mark.parametrize(
    ("domain", "signal"),
    [
        ("mx.example", None),
        ("host.example", None),
        ("six.example", None),
        ("null.example", Signal.UNREACHABLE_DOMAIN),
        ("text.example", Signal.UNREACHABLE_DOMAIN),
        ("nowhere.example", Signal.UNKNOWN_DOMAIN),
    ],
)
def test_a_domain_that_is_not_there_or_takes_no_mail_is_a_signal(domain: str, signal: Signal | None) -> None:
    found = asyncio.run(reachable(domain, ZoneResolver(ZONE)))
    assert [each.signal for each in found] == ([signal] if signal else [])
