from ipaddress import ip_address, ip_network

import pytest

from relayguard import Session, contains

NETWORKS = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.1", True),
        ("192.0.3.1", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:192.0.2.1", True),
        ("::ffff:192.0.3.1", False),
        ("::c000:201", False),
    ],
)
def test_a_client_lies_in_a_network_also_when_its_address_is_mapped(address: str, inside: bool) -> None:  # noqa: FBT001
    assert contains(NETWORKS, ip_address(address)) is inside


def test_a_client_without_address_lies_in_no_network() -> None:
    assert not contains(NETWORKS, None)


def test_nothing_is_known_of_a_client_that_was_not_announced() -> None:
    session = Session(client_address=None)
    assert (session.local, session.trusted_relay, session.submission_network) == (False, False, False)
    assert not session.helo
    assert session.tls is None
