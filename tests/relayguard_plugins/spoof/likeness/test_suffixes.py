from relayguard_plugins.spoof.likeness.suffixes import Suffixes

SUFFIXES = Suffixes()


def test_a_name_is_had_from_a_registry_or_from_a_provider() -> None:
    assert SUFFIXES.registrable("mail.example.co.uk") == "example.co.uk"
    assert SUFFIXES.registrable("www.shop.myshopify.com") == "shop.myshopify.com"
    assert SUFFIXES.registrable("co.uk") is None


def test_a_providers_suffix_is_told_from_a_registrys() -> None:
    assert SUFFIXES.is_of_provider("myshopify.com")
    assert not any(map(SUFFIXES.is_of_provider, ("com", "co.uk", "example")))
    assert all(map(SUFFIXES.is_of_registry, ("com", "co.uk")))
    assert not any(map(SUFFIXES.is_of_registry, ("example.com", "github.io", "localhost", "")))
