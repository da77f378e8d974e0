from pathlib import Path

import pytest

from relayguard import Mailbox
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


def person(protected: Protected, name: str, address: str, *answers: str) -> list[tuple[Signal, Strength]]:
    mailboxes = [Mailbox("", *each.split("@")) for each in (address, *answers)]
    found = protected.person(name, mailboxes[0], mailboxes[0].domain, mailboxes[1:])
    return [(each.signal, each.strength) for each in found]


def test_the_name_of_a_protected_person_at_a_strange_address_is_a_signal(protected: Protected) -> None:
    assert person(protected, "DOE, Jane", "ceo@free.example") == [(Signal.NAME_PERSON, Strength.MEDIUM)]
    assert person(protected, "J. Doe", "ceo@free.example") == [(Signal.NAME_PERSON, Strength.WEAK)]


def test_a_protected_person_may_write_from_known_addresses_own_domains_and_through_services(
    protected: Protected,
) -> None:
    assert person(protected, "Jane Doe", "jane@home.example") == []
    assert person(protected, "Jane Doe", "other@mail.example.com") == []
    assert person(protected, "Jane Doe via Talk", "talk@lists.example", "jane@example.com") == []


def test_the_files_are_read_anew_and_one_that_is_broken_keeps_what_it_had(
    protected: Protected, tmp_path: Path
) -> None:
    (tmp_path / "people").write_text("nonsense\n")
    (tmp_path / "domains").write_text("newpartner.example\n")
    with pytest.raises(ValueError, match="people: "):
        protected.refresh()
    assert protected.which("newpartner.example") == "newpartner.example"
    assert person(protected, "Jane Doe", "ceo@free.example")
