import pytest

from relayguard_plugins.spoof.organisations import organisation_of, same_organisation


@pytest.mark.parametrize(
    ("domain", "organisation"),
    [
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("com", "com"),
        ("localhost", "localhost"),
    ],
)
def test_an_organisation_is_what_is_registered(domain: str, organisation: str) -> None:
    assert organisation_of(domain) == organisation


def test_domains_below_one_registered_name_belong_together() -> None:
    assert same_organisation("mail.example.com", "example.com")
    assert not same_organisation("example.com", "example.net")
