import pytest

from relayguard import DmarcPolicy
from relayguard_plugins.dmarc.evidence import Trusted
from relayguard_plugins.dmarc.options import Exceptions, Options, trusted_by


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("forwarder_domains", ("a..b",)),
        ("trusted_sealers", ("a b",)),
        ("never_reject", ("",)),
        ("treat_as", {"x y": DmarcPolicy.NONE}),
    ],
)
def test_what_is_no_domain_is_an_error_that_names_the_option(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{option}: .* is no domain name"):
        Options(**{option: value})  # type: ignore[arg-type]


def test_a_domain_that_is_named_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="treat_as: a domain is named twice"):
        Options(treat_as={"bank.example": DmarcPolicy.NONE, "BANK.example.": DmarcPolicy.REJECT})


def test_names_are_compared_in_a_labels() -> None:
    options = Options(trusted_sealers=("M\u00dcNCHEN.example",), forwarder_domains=("LISTS.example.",))
    assert trusted_by(options) == Trusted(
        domains=frozenset({"lists.example"}), sealers=frozenset({"xn--mnchen-3ya.example"})
    )


def test_the_nearest_exception_holds() -> None:
    exceptions = Exceptions(Options(treat_as={"example": DmarcPolicy.REJECT, "a.Example": DmarcPolicy.NONE}))
    assert exceptions.treat_as("x.a.example") is DmarcPolicy.NONE
    assert exceptions.treat_as("a.example") is DmarcPolicy.NONE
    assert exceptions.treat_as("b.example") is DmarcPolicy.REJECT
    assert exceptions.treat_as("example.org") is None
    assert Exceptions(Options()).treat_as("example.org") is None
