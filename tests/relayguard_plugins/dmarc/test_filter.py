from dataclasses import replace
from ipaddress import ip_network

import pytest

from relayguard import (
    Ambiguity,
    ArcResult,
    ArcSet,
    ArcValue,
    Defer,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Effect,
    Envelope,
    Failed,
    Failure,
    Override,
    OverrideKind,
    Quarantine,
    Question,
    RecordType,
    Reject,
    Result,
    Results,
    Role,
    Session,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Stage,
)
from relayguard.testing import ZoneResolver, a_session, an_envelope, collect, some_headers, some_services
from relayguard_plugins.authors import SeveralAuthors
from relayguard_plugins.dmarc.filter import DmarcFilter
from relayguard_plugins.dmarc.options import Options

ZONE = """\
_dmarc.none.example.        IN TXT "v=DMARC1; p=none"
_dmarc.quarantine.example.  IN TXT "v=DMARC1; p=quarantine"
_dmarc.reject.example.      IN TXT "v=DMARC1; p=reject"
_dmarc.testing.example.     IN TXT "v=DMARC1; p=reject; t=y"
$SERVFAIL broken.example.
"""

LIST = "List-Id: <cooks.example.net>\n"


def passed(domain: str) -> DkimResult:
    return DkimResult(value=DkimValue.PASS, domain=domain)


def lost(name: str) -> Failed:
    return Failed(filter=name, stage=Stage.END_OF_MESSAGE, kind=Failure.EXCEPTION)


def judged(
    headers: str,
    *results: Result,
    session: Session | None = None,
    options: Options | None = None,
    role: Role = Role.INCOMING,
    envelope: Envelope | None = None,
) -> list[Effect]:
    dmarc = DmarcFilter(options or Options(), some_services(ZONE))
    found = Results(results)
    envelope = envelope or an_envelope(role=role)
    return collect(dmarc.end_of_message(session or a_session(), envelope, some_headers(headers), found))


def verdicts(*given: object, **more: object) -> list[str]:
    """The kinds of verdict, without the results."""
    effects = judged(*given, **more)  # type: ignore[arg-type]
    return [type(effect).__name__ for effect in effects if not isinstance(effect, Result)]


def failed(domain: str, policy: DmarcPolicy) -> DmarcResult:
    return DmarcResult(value=DmarcValue.FAIL, domain=domain, policy=policy, record_domain=domain, applied=policy)


def test_a_failure_under_reject_is_rejected() -> None:
    assert judged("From: a@reject.example\n") == [
        failed("reject.example", DmarcPolicy.REJECT),
        Reject(text="DMARC of reject.example failed, its policy is reject"),
    ]


def test_a_failure_under_quarantine_is_quarantined() -> None:
    assert judged("From: a@quarantine.example\n") == [
        failed("quarantine.example", DmarcPolicy.QUARANTINE),
        Quarantine(reason="DMARC of quarantine.example failed, its policy is quarantine"),
    ]


def test_a_failure_under_none_changes_nothing() -> None:
    assert judged("From: a@none.example\n") == [failed("none.example", DmarcPolicy.NONE)]


VERDICTS = [
    # The author domain, other fields, whether the client is a forwarder, on_temperror, and the verdicts.
    ("reject.example", "", False, "accept", ["Reject"]),
    ("reject.example", LIST, False, "accept", ["Quarantine"]),
    ("reject.example", "", True, "accept", []),
    ("reject.example", LIST, True, "accept", []),
    ("quarantine.example", "", False, "accept", ["Quarantine"]),
    ("quarantine.example", LIST, False, "accept", ["Quarantine"]),
    ("quarantine.example", "", True, "accept", []),
    ("testing.example", "", False, "accept", ["Quarantine"]),
    ("none.example", "", False, "accept", []),
    ("none.example", LIST, False, "defer", []),
    ("without.example", "", False, "defer", []),
    ("broken.example", "", False, "accept", []),
    ("broken.example", "", False, "defer", ["Defer"]),
    ("broken.example", LIST, True, "defer", ["Defer"]),
]


@pytest.mark.parametrize(("domain", "fields", "forwarder", "on_temperror", "expected"), VERDICTS)
def test_the_verdict_follows_from_policy_and_evidence(
    domain: str,
    fields: str,
    forwarder: bool,  # noqa: FBT001
    on_temperror: str,
    expected: list[str],
) -> None:
    networks = (ip_network("192.0.2.0/24"),) if forwarder else ()
    options = Options(forwarders=networks, on_temperror="defer" if on_temperror == "defer" else "accept")
    assert verdicts(f"From: a@{domain}\n{fields}", options=options) == expected


def test_what_passes_is_not_judged() -> None:
    effects = judged("From: a@reject.example\n", passed("mail.reject.example"))
    assert effects == [
        DmarcResult(
            value=DmarcValue.PASS,
            domain="reject.example",
            policy=DmarcPolicy.REJECT,
            record_domain="reject.example",
        )
    ]


def test_a_helo_that_passes_helps_nobody() -> None:
    helo = SpfResult(
        value=SpfValue.PASS, identity=SpfIdentity.HELO, domain="reject.example", identifier="reject.example"
    )
    assert verdicts("From: a@reject.example\n", helo) == ["Reject"]


SIGNED = "From: a@reject.example\nDKIM-Signature: v=1; a=rsa-sha256; d={0}; s=s; h=from; bh=AAAA; b=AAAA\n"

LOST = [
    ("SPF of an aligned sender", "a@mail.reject.example", "From: a@reject.example\n", "spf", ["temperror"]),
    ("SPF of a stranger", "a@attack.example", "From: a@reject.example\n", "spf", ["fail", "Reject"]),
    ("DKIM that could align", "a@attack.example", SIGNED.format("reject.example"), "dkim", ["temperror"]),
    ("DKIM of a stranger", "a@attack.example", SIGNED.format("attack.example"), "dkim", ["fail", "Reject"]),
    ("DKIM, unsigned", "a@attack.example", "From: a@reject.example\n", "dkim", ["fail", "Reject"]),
]


@pytest.mark.parametrize(("sender", "headers", "name", "expected"), [r[1:] for r in LOST], ids=[r[0] for r in LOST])
def test_a_check_that_was_lost_makes_a_temporary_error_only_where_it_could_have_helped(
    sender: str, headers: str, name: str, expected: list[str]
) -> None:
    effects = judged(headers, lost(name), envelope=an_envelope(sender))
    assert [e.value if isinstance(e, DmarcResult) else type(e).__name__ for e in effects] == expected


@pytest.mark.parametrize("name", ["spf", "dkim"])
def test_a_check_that_was_lost_takes_no_pass_away(name: str) -> None:
    effects = judged("From: a@reject.example\n", passed("reject.example"), lost(name))
    assert [effect.value for effect in effects if isinstance(effect, DmarcResult)] == [DmarcValue.PASS]


def test_another_filter_that_was_lost_does_not_matter() -> None:
    assert verdicts("From: a@reject.example\n", lost("ratelimit")) == ["Reject"]


def test_the_reply_to_trouble_asks_to_try_again() -> None:
    effects = judged("From: a@broken.example\n", options=Options(on_temperror="defer"))
    assert effects[1] == Defer(text="DMARC of broken.example cannot be checked now", enhanced="4.7.0")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ("Subject: x\n", Ambiguity.MISSING),
        ("From: a@reject.example\nFrom: a@reject.example\n", Ambiguity.SEVERAL_FIELDS),
        ("From: a@reject.example, b@none.example\n", Ambiguity.SEVERAL_DOMAINS),
        ("From: a@[192.0.2.1]\n", Ambiguity.NO_DOMAIN),
        ("From: reject.example\n", Ambiguity.MALFORMED),
    ],
)
def test_without_one_author_domain_there_is_nothing_to_evaluate(headers: str, reason: Ambiguity) -> None:
    assert judged(headers) == [DmarcResult(value=DmarcValue.PERMERROR, reason=reason)]


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.LOCAL])
def test_mail_of_our_own_is_not_judged(role: Role) -> None:
    assert judged("From: a@reject.example\n", role=role) == []


def test_what_our_own_relay_has_judged_is_measured_and_not_judged_again() -> None:
    relay = a_session(trusted_relay=True)
    spf = SpfResult(
        value=SpfValue.FAIL, identity=SpfIdentity.MAIL_FROM, domain="reject.example", identifier="a@reject.example"
    )
    assert judged("From: a@reject.example\n", spf, session=relay) == [failed("reject.example", DmarcPolicy.REJECT)]


def test_if_a_relay_does_not_tell_what_spf_said_nobody_fails_for_it() -> None:
    relay, envelope = a_session(trusted_relay=True), an_envelope("a@reject.example")
    (result,) = judged("From: a@reject.example\n", session=relay, envelope=envelope)
    assert isinstance(result, DmarcResult)
    assert (result.value, result.reason) == (DmarcValue.TEMPERROR, "SPF could not be checked")


SEALED = ArcSet(
    instance=1,
    sealer="lists.example",
    results=b" lists.example; dmarc=pass header.from=reject.example",
)


@pytest.mark.parametrize(
    ("value", "sealers", "expected"),
    [
        (ArcValue.PASS, ("lists.example",), []),
        (ArcValue.PASS, (), ["Reject"]),
        (ArcValue.FAIL, ("lists.example",), ["Reject"]),
        (ArcValue.TEMPERROR, ("lists.example",), ["Defer"]),
        (ArcValue.TEMPERROR, (), ["Reject"]),
    ],
)
def test_the_seal_of_a_trusted_forwarder_is_evidence(
    value: ArcValue, sealers: tuple[str, ...], expected: list[str]
) -> None:
    #
    arc = ArcResult(value=value, sets=(SEALED,), reason="timeout")
    assert verdicts("From: a@reject.example\n", arc, options=Options(trusted_sealers=sealers)) == expected


def test_why_a_failure_was_delivered_is_told() -> None:
    arc = ArcResult(value=ArcValue.PASS, sets=(SEALED,))
    (result,) = judged("From: a@reject.example\n", arc, options=Options(trusted_sealers=("LISTS.example",)))
    assert isinstance(result, DmarcResult)
    assert result.applied is DmarcPolicy.NONE
    assert result.overrides == (Override(OverrideKind.TRUSTED_FORWARDER, "ARC of lists.example"),)


SEVERAL = "From: a@reject.example, b@none.example\n"


def test_of_several_authors_the_strictest_is_taken_if_the_postmaster_wants() -> None:
    (result,) = judged(SEVERAL)
    assert isinstance(result, DmarcResult)
    assert result.value is DmarcValue.PERMERROR
    several = SeveralAuthors(domains=("reject.example", "none.example"))
    for results in ((several,), (several, passed("none.example"))):
        assert judged(SEVERAL, *results) == [
            failed("reject.example", DmarcPolicy.REJECT),
            Reject(text="DMARC of reject.example failed, its policy is reject"),
        ]
    assert verdicts(SEVERAL, several, passed("none.example"), passed("reject.example")) == []


def test_a_domain_whose_dns_fails_is_not_hidden_behind_one_that_fails_and_asks_for_nothing() -> None:
    several = SeveralAuthors(domains=("none.example", "broken.example"))
    options = Options(on_temperror="defer")
    assert verdicts("From: a@none.example, b@broken.example\n", several, options=options) == ["Defer"]


def test_if_the_author_filter_failed_several_authors_are_a_temporary_error() -> None:
    (result,) = judged(SEVERAL, lost("author"))
    assert isinstance(result, DmarcResult)
    assert (result.value, result.reason) == (DmarcValue.TEMPERROR, "the author could not be checked")


def test_a_forwarder_whose_spf_cannot_be_had_makes_a_refusal_wait() -> None:
    options = Options(forwarder_domains=("lists.example",))
    spf = SpfResult(
        value=SpfValue.TEMPERROR, identity=SpfIdentity.MAIL_FROM, domain="lists.example", identifier="b@lists.example"
    )
    reject = "From: a@reject.example\n"
    assert verdicts(reject, passed("lists.example"), spf, options=options) == ["Defer"]
    assert verdicts(reject, passed("lists.example"), replace(spf, value=SpfValue.PASS), options=options) == []
    permissive = replace(spf, value=SpfValue.PASS, permissive=True)
    strict = replace(options, permissive_spf="ignore")
    assert verdicts(reject, passed("lists.example"), permissive, options=strict) == ["Reject"]


def test_trusted_sealers_need_the_arc_filter_before() -> None:
    sealed = DmarcFilter(Options(trusted_sealers=("lists.example",)), some_services(ZONE))
    assert sealed.requires == {"spf", "dkim", "arc"}
    assert DmarcFilter(Options(), some_services(ZONE)).requires == {"spf", "dkim"}


def test_a_pass_by_a_permissive_record_counts_unless_the_postmaster_says_otherwise() -> None:
    spf = SpfResult(
        value=SpfValue.PASS,
        identity=SpfIdentity.MAIL_FROM,
        domain="reject.example",
        identifier="a@reject.example",
        permissive=True,
    )
    # P-06
    assert verdicts("From: a@reject.example\n", spf) == []
    assert verdicts("From: a@reject.example\n", spf, options=Options(permissive_spf="ignore")) == ["Reject"]


@pytest.mark.parametrize(
    ("author", "options", "expected"),
    [
        ("reject.example", Options(never_reject=("reject.example",)), ["Quarantine"]),
        ("a.reject.example", Options(never_reject=("reject.example",)), ["Quarantine"]),
        ("reject.example", Options(never_reject=("other.example",)), ["Reject"]),
        ("reject.example", Options(treat_as={"reject.example": DmarcPolicy.NONE}), []),
        ("none.example", Options(treat_as={"example": DmarcPolicy.REJECT}), ["Reject"]),
        ("without.example", Options(treat_as={"without.example": DmarcPolicy.QUARANTINE}), ["Quarantine"]),
    ],
)
def test_the_postmaster_may_make_exceptions(author: str, options: Options, expected: list[str]) -> None:
    assert verdicts(f"From: a@{author}\n", options=options) == expected


def asked_early(sender: str, headers: str = "", role: Role = Role.INCOMING) -> set[Question]:
    services = some_services(ZONE)
    dmarc = DmarcFilter(Options(), services)
    envelope = an_envelope(sender, role)
    dmarc.mail_from(a_session(), envelope)
    if headers:
        dmarc.end_of_headers(envelope, some_headers(headers), Results())
    assert isinstance(services.resolver, ZoneResolver)
    return set(services.resolver.asked)


def names(*domains: str) -> set[Question]:
    """The policies of these domains."""
    return {Question(f"_dmarc.{domain}", RecordType.TXT) for domain in domains}


def test_the_senders_domain_is_asked_for_at_mail_from() -> None:
    assert asked_early("a@news.reject.example") == names("news.reject.example", "reject.example", "example")


@pytest.mark.parametrize("sender", ["", "a@localhost", "a@[192.0.2.1]", "postmaster", "(a@reject.example"])
def test_a_sender_that_is_nobodys_domain_is_not_asked_for(sender: str) -> None:
    assert asked_early(sender) == set()


def test_the_authors_domain_is_asked_for_at_the_end_of_the_headers() -> None:
    asked = asked_early("a@localhost", "From: a@reject.example\n")
    assert asked == names("reject.example", "example")


def test_for_mail_of_our_own_nobody_is_asked() -> None:
    assert asked_early("a@reject.example", "From: a@reject.example\n", Role.SUBMISSION) == set()
