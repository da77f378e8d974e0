import pytest

from relayguard import DkimResult, DkimValue, Mailbox, Results
from relayguard_plugins.spoof.author import Vouched, vouched_by
from relayguard_plugins.spoof.likeness.people import Match, Person
from relayguard_plugins.spoof.people import impersonated
from relayguard_plugins.spoof.signals import Signal

JANE = Person("Jane Doe", ("jane@example.com", "jane@home.example"))
NOBODY = vouched_by(Results())


def signed(domain: str) -> Vouched:
    return vouched_by(Results([DkimResult(value=DkimValue.PASS, domain=domain)]))


def mailbox(address: str) -> Mailbox:
    return Mailbox("", *address.split("@"))


def found(address: str, *answers: str, vouched: Vouched = NOBODY, exact: bool = True) -> list[Signal]:
    author = mailbox(address)
    signals = impersonated(
        "Jane Doe", Match(JANE, exact), author, author.domain, [mailbox(each) for each in answers], vouched
    )
    return [each.signal for each in signals]


def test_a_protected_name_at_a_strange_address_is_a_signal_and_initials_are_a_weaker_one() -> None:
    assert found("ceo@free.example", vouched=signed("free.example")) == [Signal.NAME_PERSON]
    assert found("j@univ.example", exact=False) == [Signal.NAME_INITIALS]


def test_a_known_address_must_be_proven() -> None:
    assert found("jane@home.example", vouched=signed("home.example")) == []
    assert found("jane@home.example") == [Signal.NAME_PERSON]


@pytest.mark.parametrize(
    ("answers", "honest"),
    [(["jane@example.com"], True), (["jane@example.com", "z@free.example"], False), ([], False)],
)
def test_a_list_may_write_in_the_name_of_a_person_if_all_answers_go_there(
    answers: list[str], *, honest: bool
) -> None:
    assert (found("talk@lists.example", *answers, vouched=signed("lists.example")) == []) is honest
    assert found("talk@lists.example", *answers) == [Signal.NAME_PERSON]
