import pytest

from relayguard import Reported
from relayguard.testing import some_headers
from relayguard_plugins.relayed import relayed

OURS = "Authentication-Results: mx.example.com;"
SPF = Reported("spf", "pass", (("smtp", "mailfrom", "a@example.org"),))


@pytest.mark.parametrize(
    ("fields", "entries"),
    [
        (f"{OURS} spf=pass smtp.mailfrom=a@example.org\n", (SPF,)),
        (f"{OURS} dkim=pass\n{OURS} spf=pass smtp.mailfrom=a@example.org\n{OURS} spf=fail\n", (SPF,)),
        ("Authentication-Results: MX.EXAMPLE.COM. 1; spf=pass smtp.mailfrom=a@example.org\n", (SPF,)),
        ("Authentication-Results: other.example; spf=pass\n", ()),
        (f"{OURS} none\n", ()),
        ("Authentication-Results: (\n", ()),
        ("Subject: x\n", ()),
    ],
)
def test_the_topmost_of_our_own_fields_that_tells_is_taken(fields: str, entries: tuple[Reported, ...]) -> None:
    assert relayed(some_headers(fields), "mx.example.com", "spf") == entries
