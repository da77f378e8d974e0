from collections.abc import Sequence

import pytest

from relayguard import (
    DkimResult,
    DkimValue,
    DmarcResult,
    DmarcValue,
    Failed,
    Failure,
    Headers,
    Override,
    OverrideKind,
    Result,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Stage,
    read_authors,
)
from relayguard.testing import an_envelope, some_headers
from relayguard_plugins.spoof.author import ambiguous, list_of, own_domains, permissive, vouched_by
from relayguard_plugins.spoof.signals import Signal, Strength, Suspicion

OURS = some_headers("From: boss@mail.example.com\r\n\r\n")


def dkim(domain: str, value: DkimValue = DkimValue.PASS) -> DkimResult:
    return DkimResult(value=value, domain=domain)


def spf(sender: str, value: SpfValue = SpfValue.PASS, *, permissive: bool = False) -> SpfResult:
    domain = sender.rpartition("@")[2]
    return SpfResult(
        value=value, identity=SpfIdentity.MAIL_FROM, identifier=sender, domain=domain, permissive=permissive
    )


def dmarc(value: DmarcValue, *overrides: Override) -> DmarcResult:
    return DmarcResult(value=value, domain="mail.example.com", overrides=overrides)


def own(results: Sequence[Result], headers: Headers = OURS, sender: str = "x@evil.example") -> list[Suspicion]:
    vouched = vouched_by(Results(results))
    return list(own_domains(["example.com"], read_authors(headers).domains, an_envelope(sender), headers, vouched))


def signals(found: Sequence[Suspicion]) -> list[tuple[Signal, Strength]]:
    return [(each.signal, each.strength) for each in found]


def test_an_own_domain_that_nothing_vouches_for_is_a_strong_signal() -> None:
    assert signals(own([])) == [(Signal.OWN_AUTHOR, Strength.STRONG)]
    assert signals(own([spf("x@evil.example"), dkim("evil.example")])) == [(Signal.OWN_AUTHOR, Strength.STRONG)]
    assert signals(own([dkim("example.com", DkimValue.FAIL)])) == [(Signal.OWN_AUTHOR, Strength.STRONG)]


def test_an_own_domain_as_sender_is_one_too() -> None:
    strange = some_headers("From: a@other.example\r\n\r\n")
    assert signals(own([], strange, "a@example.com")) == [(Signal.OWN_SENDER, Strength.MEDIUM)]
    assert own([spf("a@example.com")], strange, "a@example.com") == []


@pytest.mark.parametrize(
    "results",
    [
        [dkim("example.com")],
        [dkim("mail.example.com")],
        [spf("bounce@mail.example.com")],
        [dmarc(DmarcValue.PASS)],
        [dmarc(DmarcValue.FAIL, Override(OverrideKind.TRUSTED_FORWARDER, "ARC of example.net"))],
    ],
)
def test_whatever_authenticates_it_or_whom_we_trust_to_forward_it_makes_it_honest(results: list[Result]) -> None:
    assert own(results) == []


@pytest.mark.parametrize(
    "results",
    [
        [dkim("example.com", DkimValue.TEMPERROR)],
        [spf("x@mail.example.com", SpfValue.TEMPERROR)],
        [Failed(filter="dkim", stage=Stage.END_OF_MESSAGE, kind=Failure.TIMEOUT)],
    ],
)
def test_what_might_have_vouched_and_could_not_be_checked_is_held_against_nobody(results: list[Result]) -> None:
    assert own(results) == []


@pytest.mark.parametrize(
    "results", [[dkim("evil.example", DkimValue.TEMPERROR)], [spf("x@evil.example", SpfValue.TEMPERROR)]]
)
def test_trouble_of_a_strangers_dns_excuses_nobody(results: list[Result]) -> None:
    assert signals(own(results)) == [(Signal.OWN_AUTHOR, Strength.STRONG)]


def test_each_author_of_several_is_looked_at() -> None:
    both = some_headers("From: x@evil.example, boss@example.com\r\n\r\n")
    assert signals(own([], both)) == [(Signal.OWN_AUTHOR, Strength.STRONG)]


def test_a_pass_of_a_sister_domain_vouches_too() -> None:
    assert own([dkim("news.example.com")]) == []


def test_a_list_that_signs_makes_it_weaker_and_a_mere_list_id_does_not() -> None:
    listed = some_headers("From: boss@mail.example.com\r\nList-Id: Talk <talk.lists.example.net>\r\n\r\n")
    assert signals(own([dkim("lists.example.net")], listed)) == [(Signal.OWN_AUTHOR_LISTED, Strength.MEDIUM)]
    assert signals(own([dkim("evil.example")], listed)) == [(Signal.OWN_AUTHOR, Strength.STRONG)]


@pytest.mark.parametrize("field", ["<talk>", "nonsense", "<" + "a." * 300 + "example>", "<talk.\xff.example>"])
def test_what_is_no_list_id_is_none(field: str) -> None:
    headers = some_headers(f"List-Id: {field}\r\n\r\n".encode("latin-1"))
    assert list_of(headers, vouched_by(Results([dkim("example.com")]))) is None


def test_a_list_is_known_by_its_own_name_whoever_of_its_organisation_signs() -> None:
    headers = some_headers("List-Id: <dev.lists.example.net>\r\n\r\n")
    assert list_of(headers, vouched_by(Results([dkim("example.net")]))) == "dev.lists.example.net"


def test_an_author_that_can_be_read_in_two_ways_is_a_signal() -> None:
    two = some_headers("From: a@example.org\r\nFrom: b@example.net\r\n\r\n")
    assert [each.signal for each in ambiguous(read_authors(two))] == [Signal.AMBIGUOUS_AUTHOR]
    assert list(ambiguous(read_authors(OURS))) == []


def test_a_permissive_record_is_a_signal_if_nothing_else_passed() -> None:
    authors = read_authors(some_headers("From: a@example.org\r\n\r\n"))

    def found(*results: Result) -> list[Signal]:
        all_results = Results(results)
        return [each.signal for each in permissive(all_results, authors, vouched_by(all_results))]

    assert found(spf("a@example.org", permissive=True)) == [Signal.PERMISSIVE_SPF]
    assert found(spf("a@example.org", permissive=True), dkim("example.org")) == []
    assert found(spf("a@example.org")) == []
    assert found(spf("a@other.example", permissive=True)) == []
