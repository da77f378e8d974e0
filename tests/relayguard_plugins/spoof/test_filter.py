from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from relayguard import AddHeader, DkimResult, DkimValue, Effect, Quarantine, Reject, Results, Role, Session
from relayguard.testing import CountedMetrics, a_session, an_envelope, collect, some_headers, some_services
from relayguard_plugins.spoof.filter import HEADER, SpoofFilter, WouldBe
from relayguard_plugins.spoof.options import Exemptions, Options
from relayguard_plugins.spoof.signals import Signal, Strength, Suspicion

LOOKALIKE = "From: a@examp1e.com\r\n\r\n"
ZONE = "examp1e.com. IN MX 10 mail.examp1e.com.\nexample.com. IN MX 10 mail.example.com.\n"


def judged(
    text: str = LOOKALIKE,
    *results: Any,
    session: Session | None = None,
    role: Role = Role.INCOMING,
    metrics: CountedMetrics | None = None,
    **options: Any,
) -> list[Effect]:
    services = some_services(ZONE)
    if metrics is not None:
        services = replace(services, metrics=metrics)
    spoof = SpoofFilter(Options(own_domains=("example.com",), **options), services)
    session, envelope, headers = session or a_session(), an_envelope(role=role), some_headers(text)
    spoof.end_of_headers(session, envelope, headers)
    return collect(spoof.end_of_message(session, envelope, headers, Results(results)))


def test_in_shadow_a_signal_is_told_with_what_would_be_done() -> None:
    suspicion, would_be = judged()
    assert isinstance(suspicion, Suspicion)
    assert suspicion.signal is Signal.LOOKALIKE
    assert isinstance(would_be, WouldBe)
    assert would_be.noted() == "spoof would quarantine"


def test_a_signal_that_is_enforced_has_a_verdict() -> None:
    _, verdict = judged(signals={Signal.LOOKALIKE: "enforce"})
    assert isinstance(verdict, Quarantine)


def test_a_signal_in_shadow_does_not_sharpen_the_verdict_of_one_that_is_enforced() -> None:
    effects = judged("From: boss@example.com\r\n\r\n", signals={Signal.REPEATED_HEADER: "enforce"})
    assert not any(isinstance(effect, Reject) for effect in effects)
    assert any(isinstance(effect, WouldBe) for effect in effects)


def test_a_signal_that_is_off_is_not_even_told() -> None:
    assert judged(signals={Signal.LOOKALIKE: "off"}) == []


def test_how_much_a_signal_says_can_be_set() -> None:
    assert judged(default="enforce", strengths={Signal.LOOKALIKE: "weak"})[1:] == []


@pytest.mark.parametrize(
    ("results", "proof"),
    [
        ([], "unproven"),
        ([DkimResult(value=DkimValue.PASS, domain="mail.example.com")], "proven"),
        ([DkimResult(value=DkimValue.TEMPERROR, domain="example.com")], "unknown"),
    ],
)
def test_mail_in_our_name_is_counted_by_whether_anything_speaks_for_it(results: list[Any], proof: str) -> None:
    metrics = CountedMetrics()
    # Once, however often it says so.
    judged("From: a@news.example.com\r\nFrom: b@news.example.com\r\n\r\n", *results, metrics=metrics)
    assert metrics.counted.count(("relayguard_own_domain_mail_total", "example.com", proof)) == 1
    metrics = CountedMetrics()
    judged("From: a@author.example\r\n\r\n", metrics=metrics)
    assert "relayguard_own_domain_mail_total" not in {name for name, *_ in metrics.counted}


@pytest.mark.parametrize(
    ("field", "evidence"),
    [
        ("Reply-To: Boss <boss@examp1e.com>", "Reply-To: examp1e.com looks like example.com"),
        ("Sender: boss@examp1e.com", "Sender: examp1e.com looks like example.com"),
    ],
)
def test_a_lookalike_is_found_where_answers_go_and_in_the_sender_too(field: str, evidence: str) -> None:
    effects = judged(f"From: a@author.example\r\n{field}\r\n\r\n")
    (found,) = [each for each in effects if isinstance(each, Suspicion) and each.signal is Signal.LOOKALIKE]
    assert found.evidence.startswith(evidence)
    # A customer's name stands there in honest mail, too.
    assert found.strength is Strength.MEDIUM


@pytest.mark.parametrize("domain", ["examp1e.com", "exarnple.com", "example.co", "xn--exmple-cua.com"])
def test_a_lookalike_as_the_author_is_strong(domain: str) -> None:
    found = judged(f"From: a@{domain}\r\nReply-To: a@examp1e.com\r\n\r\n")
    assert Strength.STRONG in {each.strength for each in found if isinstance(each, Suspicion)}


@pytest.mark.parametrize(
    "fields",
    [
        "From: Boss <boss@example.com>",
        "From: Boss <boss@example.com>\r\nFrom: Boss <boss@example.com>",
        "From: Boss <boss@example.com> x",
        "From: Boss, CEO. <boss@example.com>",
        "From: Boss <boss@example.com>, x@[1.2.3.4]",
        "From: Boss <boss@example.com>, a@a.example, b@b.example, c@c.example, d@d.example",
        "From: Boss <boss@example.com>" + "\r\n " * 9000,
    ],
)
def test_an_own_domain_from_outside_is_refused_however_unclear_from_is(fields: str) -> None:
    assert any(isinstance(each, Reject) for each in judged(f"{fields}\r\n\r\n", default="enforce"))


def test_a_lookalike_in_one_of_two_from_fields_is_held() -> None:
    effects = judged("From: x@a.example\r\nFrom: b@examp1e.com\r\n\r\n", signals={Signal.LOOKALIKE: "enforce"})
    assert any(isinstance(each, Quarantine) for each in effects)


def people(tmp_path: Path, name: str) -> set[Signal]:
    (tmp_path / "people").write_text("Jane Doe <jane@example.com>\n")
    effects = judged(
        f"From: {name} <x@author.example>\r\n\r\n", protected_people=tmp_path / "people", default="enforce"
    )
    return {each.signal for each in effects if isinstance(each, Suspicion)}


@pytest.mark.parametrize("name", ["Jane Doe jane@example.com", "J. Doe jane@example.com", "jane@example.com"])
def test_an_own_address_in_a_name_is_no_less_beside_the_name_of_its_person(tmp_path: Path, name: str) -> None:
    assert people(tmp_path, f'"{name}"') & {Signal.NAME_DOMAIN, Signal.NAME_PERSON}


def test_a_person_and_the_persons_own_domain_in_a_name_are_one_fact(tmp_path: Path) -> None:
    found = people(tmp_path, '"Jane Doe via example.com"')
    assert Signal.NAME_PERSON in found
    assert Signal.NAME_DOMAIN not in found


def test_the_signals_may_stand_in_a_header_and_are_safe_there() -> None:
    effects = judged('From: "a@examp1e.com\u202e" <x@examp1e.com>\r\n\r\n', header=True)
    (header,) = [effect for effect in effects if isinstance(effect, AddHeader)]
    assert header.name == HEADER
    assert "lookalike (strong): examp1e.com looks like example.com" in header.value
    assert header.value.isascii()
    assert header.value.isprintable()


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_only_incoming_mail_is_looked_at(role: Role) -> None:
    assert judged(role=role) == []


def test_mail_through_a_relay_of_ours_is_not_looked_at() -> None:
    assert judged(session=a_session(trusted_relay=True)) == []


@pytest.mark.parametrize(
    ("exempt", "results"),
    [
        (Exemptions(client=(ip_network("192.0.2.0/24"),)), ()),
        (Exemptions(dkim_domain=("news.example",)), (DkimResult(value=DkimValue.PASS, domain="mail.news.example"),)),
    ],
)
def test_exempt_mail_gives_no_signals(exempt: Exemptions, results: tuple[Any, ...]) -> None:
    assert judged(LOOKALIKE, *results, exempt=exempt) == []


def test_an_exemption_wants_proof() -> None:
    assert judged(LOOKALIKE, exempt=Exemptions(dkim_domain=("examp1e.com",), sender=("example.org",)))


def test_each_signal_is_counted_by_its_setting() -> None:
    metrics = CountedMetrics()
    judged(metrics=metrics)
    assert metrics.counted == [("relayguard_spoof_signals_total", "lookalike", "shadow")]
