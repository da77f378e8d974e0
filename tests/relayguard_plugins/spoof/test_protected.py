from pathlib import Path

import pytest

from relayguard.files import OperatorFiles
from relayguard_plugins.spoof.options import Options
from relayguard_plugins.spoof.protected import Protected
from relayguard_plugins.spoof.signals import Signal, Strength


@pytest.fixture
def protected(tmp_path: Path) -> Protected:
    (tmp_path / "domains").write_text("partner.example\n")
    (tmp_path / "people").write_text("Jane Doe <jane@example.com>, <jane@home.example>\n")
    options = Options(
        own_domains=("example.com",),
        protected_domains=tmp_path / "domains",
        protected_people=tmp_path / "people",
        honest_domains=("exampel.com",),
    )
    return Protected(options, OperatorFiles())


def test_own_and_partner_domains_are_protected(protected: Protected) -> None:
    assert [each.signal for each in protected.domain("examp1e.com")] == [Signal.LOOKALIKE]
    assert [each.signal for each in protected.domain("partner-login.example")] == [Signal.LOOKALIKE]
    for honest in ("mail.example.com", "partner.example", "exampel.com", "other.example"):
        assert list(protected.domain(honest)) == []
    assert protected.which("mail.partner.example") == "partner.example"


def test_a_domain_of_several_scripts_is_a_signal(protected: Protected) -> None:
    assert [each.signal for each in protected.domain("xn--gogle-qqf.example")] == [Signal.MIXED_SCRIPTS]


def test_an_honest_domain_may_be_written_as_it_likes() -> None:
    options = Options(own_domains=("\u0445\u043e\u0440.com",), honest_domains=("xn--gogle-qqf.example",))
    protected = Protected(options, OperatorFiles())
    assert list(protected.domain("xn--gogle-qqf.example")) == []
    assert list(protected.domain("xn--n1aek.com")) == []
    assert protected.domain("xn--gogle-qqf.com")


def test_below_another_holders_domain_a_lookalike_is_weaker(protected: Protected) -> None:
    assert [each.strength for each in protected.domain("example.com.mailer.example")] == [Strength.MEDIUM]


def test_the_name_of_a_protected_person_is_known_however_it_is_written(protected: Protected) -> None:
    for name, exact in (("DOE, Jane", True), ("J. Doe", False)):
        match = protected.person(name)
        assert match is not None
        assert match.exact is exact
    assert protected.person("John Smith") is None


def test_a_domain_that_looks_like_a_protected_one_stands_for_it(protected: Protected) -> None:
    assert protected.which("examp1e.com") == "example.com"
    assert protected.which("other.example") is None


def test_the_files_are_read_anew_and_one_that_is_broken_keeps_what_it_had(
    protected: Protected, tmp_path: Path
) -> None:
    (tmp_path / "people").write_text("nonsense\n")
    (tmp_path / "domains").write_text("newpartner.example\n")
    with pytest.raises(ValueError, match="people: "):
        protected.refresh()
    assert protected.which("newpartner.example") == "newpartner.example"
    assert protected.person("Jane Doe") is not None


def test_a_public_suffix_among_the_protected_domains_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("partner.example\nco.uk\n")
    with pytest.raises(ValueError, match=r"domains: line 2: 'co.uk' is a public suffix"):
        Protected(Options(protected_domains=tmp_path / "domains"), OperatorFiles())
