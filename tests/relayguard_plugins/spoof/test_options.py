from typing import Any

import pytest

from relayguard import parse_path
from relayguard_plugins.spoof.options import Exemptions, Options, matcher
from relayguard_plugins.spoof.signals import Signal


def test_everything_is_in_shadow_until_somebody_says_otherwise() -> None:
    assert {Options().setting(signal) for signal in Signal} == {"shadow"}
    options = Options(default="off", signals={Signal.LOOKALIKE: "enforce"})
    assert (options.setting(Signal.LOOKALIKE), options.setting(Signal.OWN_AUTHOR)) == ("enforce", "off")


@pytest.mark.parametrize(
    ("entry", "address", "matches"),
    [
        ("bob@Example.com", b"BOB@example.com", True),
        ("bob@example.com", b"alice@example.com", False),
        ("example.com", b"bob@mail.example.com", True),
        ("example.com", b"bob@myexample.com", False),
        ("example.com", b"", False),
        ("@example.com", b"bob@mail.example.com", True),
        ("bob@example.com.", b"bob@example.com", True),
        ("bob@b\u00fccher.example", b"bob@xn--bcher-kva.example", True),
        ("bob@example.com", b"bob+news@example.com", True),
        ("bob+news@example.com", b"bob@example.com", False),
    ],
)
def test_an_address_is_exempt_by_itself_or_by_its_domain(entry: str, address: bytes, *, matches: bool) -> None:
    assert matcher((entry,))(parse_path(address)) is matches


@pytest.mark.parametrize("wrong", [{"own_domains": ("a b",)}, {"honest_domains": ("",)}])
def test_what_is_no_domain_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no domain name"):
        Options(**wrong)


@pytest.mark.parametrize("name", ["sender", "dkim_domain", "list", "recipient"])
def test_what_is_no_address_is_no_exemption(name: str) -> None:
    with pytest.raises(ValueError, match=f"exempt.{name}: 'a b' is no (address or )?domain"):
        Exemptions(**{name: ("a b",)})  # type: ignore[arg-type]  # one of those that are names


@pytest.mark.parametrize("name", ["dkim_domain", "list"])
def test_an_address_where_only_a_domain_can_ever_match_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"exempt.{name}: 'a@example.com' is no domain name"):
        Exemptions(**{name: ("a@example.com",)})  # type: ignore[arg-type]  # one of those that are names


def test_a_public_suffix_is_nobodys_own_domain() -> None:
    with pytest.raises(ValueError, match=r"own_domains: 'co.uk' is a public suffix"):
        Options(own_domains=("example.com", "co.uk"))
