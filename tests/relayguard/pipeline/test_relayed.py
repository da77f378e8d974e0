from dataclasses import replace

import pytest

from relayguard import IprevResult, IprevValue, Result, SpfIdentity, SpfResult, SpfValue
from relayguard.pipeline.relayed import relayed
from relayguard.testing import some_headers

OURS = "Authentication-Results: mx.example.com;"
SOURCE = "found by 203.0.113.7"


def spf(value: SpfValue, identifier: str, identity: SpfIdentity = SpfIdentity.MAIL_FROM) -> SpfResult:
    domain = identifier.rpartition("@")[2].lower()
    return SpfResult(value=value, identity=identity, domain=domain, identifier=identifier, source=SOURCE)


PASS = spf(SpfValue.PASS, "a@Example.org")
HELO = spf(SpfValue.FAIL, "client.example", SpfIdentity.HELO)
IPREV = IprevResult(value=IprevValue.PASS, address="198.51.100.7", source=SOURCE)


@pytest.mark.parametrize(
    ("fields", "results"),
    [
        (f"{OURS} spf=pass smtp.mailfrom=a@Example.org; spf=fail smtp.helo=client.example\n", [PASS, HELO]),
        (f"{OURS} iprev=pass (x) policy.iprev=198.51.100.7\n", [IPREV]),
        (f"{OURS} dkim=pass\n{OURS} spf=pass smtp.mailfrom=a@Example.org\n{OURS} spf=fail smtp.mailfrom=x@y\n", [PASS]),
        (f"{OURS} iprev=pass policy.iprev=198.51.100.7\n{OURS} spf=pass smtp.mailfrom=a@Example.org\n", [IPREV, PASS]),
        ("Authentication-Results: MX.EXAMPLE.COM. 1; spf=pass smtp.mailfrom=a@Example.org\n", [PASS]),
        (f"{OURS} spf=maybe smtp.mailfrom=a@Example.org; iprev=none policy.iprev=x; spf=pass smtp.rcptto=b@x\n", []),
        ("Authentication-Results: other.example; spf=pass smtp.mailfrom=a@Example.org\n", []),
        (f"{OURS} none\n", []),
        (f"{OURS} dkim=none\nReceived: from x\n{OURS} spf=pass smtp.mailfrom=a@Example.org\n", []),
        (f"Received: by relay\n{OURS} spf=pass smtp.mailfrom=a@Example.org\nReceived: from x\n", [PASS]),
        ("Received: by relay\n" * 3 + f"{OURS} spf=pass smtp.mailfrom=a@Example.org\n", [PASS]),
        ("Received: by relay\n" * 4 + f"{OURS} spf=pass smtp.mailfrom=a@Example.org\n", []),
        ("Authentication-Results: b.example; none\n" * 50 + f"{OURS} spf=pass smtp.mailfrom=a@Example.org\n", []),
        (f"{OURS} spf=pass smtp.mailfrom=a@Example.org policy.spf=permissive\n", [replace(PASS, permissive=True)]),
        ("Authentication-Results: (\n", []),
        ("Subject: x\n", []),
    ],
)  # fmt: skip
def test_what_the_topmost_of_our_own_fields_tells_is_taken_over(fields: str, results: list[Result]) -> None:
    assert relayed(some_headers(fields), "mx.example.com", SOURCE) == results
