import asyncio

import pytest

from relayguard import (
    Answer,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Question,
    RecordType,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Status,
)
from relayguard.testing import ZoneResolver
from relayguard_plugins.dmarc.evaluation import (
    Identifiers,
    check,
    evaluate,
    existence_question,
    identifiers_in,
    needed,
)

PASS, FAIL, NONE, TEMPERROR = DmarcValue.PASS, DmarcValue.FAIL, DmarcValue.NONE, DmarcValue.TEMPERROR


def record(domain: str, tags: str) -> str:
    return f'_dmarc.{domain}. IN TXT "v=DMARC1; {tags}"\n'


def dmarc(author: str, zone: str, identifiers: Identifiers | None = None) -> DmarcResult:
    return asyncio.run(check(ZoneResolver(zone), author, identifiers or Identifiers()))


REJECT_ALL = record("example.com", "p=reject")

SUBDOMAINS = """\
child.example.com.          IN A 192.0.2.1
text.example.com.           IN TXT "no address"
deep.empty.example.com.     IN A 192.0.2.1
"""

POLICIES = [
    ("its own record", "example.com", "p=reject", "reject"),
    ("no policy given", "example.com", "rua=mailto:a@example.com", "none"),
    ("sp= is not for itself", "example.com", "p=reject; sp=none", "reject"),
    ("np= is not for itself", "example.com", "p=none; np=reject", "none"),
    ("p= for a subdomain", "child.example.com", "p=reject", "reject"),
    ("sp= for a subdomain", "child.example.com", "p=none; sp=reject", "reject"),
    ("sp= alone for a subdomain", "child.example.com", "sp=reject", "reject"),
    ("np= not for one that exists", "child.example.com", "p=reject; sp=none; np=reject", "none"),
    ("np= not for one without address", "text.example.com", "p=none; np=reject", "none"),
    ("np= not for an empty name", "empty.example.com", "p=none; np=reject", "none"),
    ("np= for one that does not exist", "no.example.com", "p=none; sp=none; np=reject", "reject"),
    ("np= may be milder", "no.example.com", "p=reject; np=none", "none"),
    ("sp= for one that does not exist", "no.example.com", "p=none; sp=quarantine", "quarantine"),
    ("t=y lowers reject", "example.com", "p=reject; t=y", "quarantine"),
    ("t=y lowers quarantine", "example.com", "p=quarantine; t=y", "none"),
    ("t=y leaves none", "example.com", "p=none; t=y", "none"),
    ("t=y lowers sp=, too", "child.example.com", "p=none; sp=reject; t=y", "quarantine"),
    ("unreadable, with reports", "example.com", "p=junk; rua=mailto:a@example.com", "none"),
    ("sp= unreadable, with reports", "example.com", "p=reject; sp=junk; rua=mailto:a@example.com", "none"),
    ("sp= unreadable, in a subdomain", "child.example.com", "p=reject; sp=junk; rua=mailto:a@example.com", "none"),
    ("unreadable, without reports", "example.com", "p=junk", None),
    ("sp= unreadable, without reports", "example.com", "p=reject; sp=junk", None),
    ("np= unreadable, without reports", "example.com", "p=reject; np=junk", None),
]


@pytest.mark.parametrize(
    ("author", "tags", "policy"), [row[1:] for row in POLICIES], ids=[row[0] for row in POLICIES]
)
def test_the_owner_says_what_becomes_of_a_failure(author: str, tags: str, policy: str | None) -> None:
    result = dmarc(author, record("example.com", tags) + SUBDOMAINS)
    assert (result.value, result.policy) == (FAIL if policy else NONE, policy)


SOURCES = [
    ("own", "a.example.com", record("a.example.com", "p=none") + REJECT_ALL, "a.example.com", "none"),
    ("the organisation's", "a.example.com", REJECT_ALL, "example.com", "reject"),
    ("none between", "a.b.example.com", record("b.example.com", "p=none") + REJECT_ALL, "example.com", "reject"),
    ("the public suffix's", "a.b.co.uk", record("co.uk", "p=none; sp=quarantine; psd=y"), "co.uk", "quarantine"),
    ("the organisation's below psd=y", "a.b.co.uk", record("b.co.uk", "p=none") + record("co.uk", "p=reject; psd=y"), "b.co.uk", "none"),
    ("psd=n cuts what is above", "a.b.example.com", record("b.example.com", "p=none; psd=n") + REJECT_ALL, "b.example.com", "none"),
    ("two records are none", "a.example.com", record("a.example.com", "p=none") + record("a.example.com", "p=quarantine") + REJECT_ALL, "example.com", "reject"),
    ("nobody's", "a.example.com", record("example.net", "p=reject"), None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("author", "zone", "source", "policy"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES]
)
def test_the_policy_is_the_authors_own_else_of_its_organisation_else_of_the_suffix(
    author: str, zone: str, source: str | None, policy: str | None
) -> None:
    result = dmarc(author, zone)
    assert (result.record_domain, result.policy) == (source, policy)


ALIGNMENTS = [
    # The author domain, the record's tags, who passed, and what follows.
    ("the same", "example.com", "p=reject", "example.com", PASS),
    ("the same, strict", "example.com", "p=reject; adkim=s; aspf=s", "example.com", PASS),
    ("a subdomain", "example.com", "p=reject", "mail.example.com", PASS),
    ("a subdomain, strict", "example.com", "p=reject; adkim=s; aspf=s", "mail.example.com", FAIL),
    ("the organisation", "news.example.com", "p=reject", "example.com", PASS),
    ("a sister", "news.example.com", "p=reject", "mail.example.com", PASS),
    ("the top level", "example.com", "p=reject", "com", FAIL),
    ("another of the top level", "example.com", "p=reject", "attack.com", FAIL),
    ("a longer name", "example.com", "p=reject", "notexample.com", FAIL),
    ("another top level", "example.com", "p=reject", "example.net", FAIL),
]


@pytest.mark.parametrize("by", ["spf", "dkim"])
@pytest.mark.parametrize(
    ("author", "tags", "passed", "value"), [row[1:] for row in ALIGNMENTS], ids=[row[0] for row in ALIGNMENTS]
)
def test_what_passed_must_be_of_the_authors_organisation(
    by: str, author: str, tags: str, passed: str, value: DmarcValue
) -> None:
    identifiers = Identifiers(spf=(passed,)) if by == "spf" else Identifiers(dkim=(passed,))
    assert dmarc(author, record("example.com", tags), identifiers).value is value


@pytest.mark.parametrize(
    ("tags", "by_spf", "by_dkim"), [("aspf=s", FAIL, PASS), ("adkim=s", PASS, FAIL)], ids=["aspf", "adkim"]
)
def test_each_check_has_its_own_alignment_mode(tags: str, by_spf: DmarcValue, by_dkim: DmarcValue) -> None:
    zone = record("example.com", f"p=reject; {tags}")
    assert dmarc("example.com", zone, Identifiers(spf=("mail.example.com",))).value is by_spf
    assert dmarc("example.com", zone, Identifiers(dkim=("mail.example.com",))).value is by_dkim


def test_psd_n_makes_a_subdomain_an_organisation_of_its_own() -> None:
    zone = record("b.example.com", "p=reject; psd=n") + REJECT_ALL
    assert dmarc("example.com", zone, Identifiers(spf=("b.example.com",))).value is FAIL
    assert dmarc("b.example.com", zone, Identifiers(spf=("example.com",))).value is FAIL
    assert dmarc("b.example.com", zone, Identifiers(spf=("a.b.example.com",))).value is PASS


def test_neighbours_under_a_public_suffix_are_strangers() -> None:
    zone = record("co.uk", "p=reject; psd=y")
    assert dmarc("a.bank.co.uk", zone, Identifiers(dkim=("attack.co.uk",))).value is FAIL
    assert dmarc("a.bank.co.uk", zone, Identifiers(dkim=("bank.co.uk",))).value is PASS


SLOW = "$SERVFAIL mail.example.com.\n$SERVFAIL _dmarc.mail.example.com.\n"
STRANGER = "$SERVFAIL attack.com.\n"

TROUBLE = [
    # The zone, the identifiers, and what follows.
    ("the author's record", "$SERVFAIL _dmarc.example.com.\n", Identifiers(spf=("example.com",)), TEMPERROR),
    ("an aligned SPF", REJECT_ALL, Identifiers(spf_unknown=("mail.example.com",)), TEMPERROR),
    ("an aligned DKIM", REJECT_ALL, Identifiers(dkim_unknown=("example.com",)), TEMPERROR),
    ("a stranger's SPF", REJECT_ALL + STRANGER, Identifiers(spf_unknown=("attack.com",)), FAIL),
    ("a stranger's DKIM", REJECT_ALL + STRANGER, Identifiers(dkim_unknown=("attack.com",)), FAIL),
    ("a stranger's organisation, by SPF", REJECT_ALL + STRANGER, Identifiers(spf=("attack.com",)), FAIL),
    ("a stranger's organisation, by DKIM", REJECT_ALL + STRANGER, Identifiers(dkim=("attack.com",)), FAIL),
    ("an own subdomain's organisation", REJECT_ALL + SLOW, Identifiers(dkim=("mail.example.com",)), TEMPERROR),
    ("SPF, where DKIM passed", REJECT_ALL, Identifiers((), ("example.com",), ("example.com",)), PASS),
    ("DKIM, where SPF passed", REJECT_ALL, Identifiers(("example.com",), (), (), ("example.com",)), PASS),
    ("an organisation, where DKIM passed", REJECT_ALL + SLOW, Identifiers(("mail.example.com",), ("example.com",)), PASS),
    ("the top level", REJECT_ALL + "$SERVFAIL _dmarc.com.\n", Identifiers(dkim=("example.com",)), PASS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "identifiers", "value"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE]
)
def test_trouble_is_temporary_where_the_answer_was_needed_and_only_there(
    zone: str,
    identifiers: Identifiers,
    value: DmarcValue,
) -> None:
    assert dmarc("example.com", zone, identifiers).value is value


@pytest.mark.parametrize(
    ("zone", "identifiers", "reason"),
    [
        ("$SILENT _dmarc.example.com.\n", Identifiers(), "no answer for _dmarc.example.com: timeout"),
        (REJECT_ALL, Identifiers(spf_unknown=("example.com",)), "SPF could not be checked"),
        (REJECT_ALL, Identifiers(dkim_unknown=("example.com",)), "DKIM could not be checked"),
        (REJECT_ALL + SLOW, Identifiers(("mail.example.com",)), "no answer for _dmarc.mail.example.com: SERVFAIL"),
    ],
)
def test_a_temporary_error_says_what_could_not_be_told(zone: str, identifiers: Identifiers, reason: str) -> None:
    assert dmarc("example.com", zone, identifiers).reason == reason


@pytest.mark.parametrize(
    ("identifiers", "value"), [(Identifiers(), TEMPERROR), (Identifiers(dkim=("example.com",)), PASS)]
)
def test_whether_the_author_exists_matters_for_a_failure_alone(identifiers: Identifiers, value: DmarcValue) -> None:
    author = "no.example.com"
    resolver = ZoneResolver(record("example.com", "p=none; np=reject"))
    answers = dict(asyncio.run(resolver.resolve_all(needed(author, identifiers))))
    answers[existence_question(author)] = Answer(status=Status.TEMPERROR)
    result = evaluate(author, identifiers, answers)
    assert (result.value, result.policy) == (value, None)


def spf(value: SpfValue, domain: str, identity: SpfIdentity = SpfIdentity.MAIL_FROM) -> SpfResult:
    return SpfResult(value=value, identity=identity, domain=domain, identifier=domain)


def dkim(value: DkimValue, domain: str) -> DkimResult:
    return DkimResult(value=value, domain=domain)


def test_the_identifiers_are_what_passed_and_what_nobody_knows() -> None:
    results = Results(
        [
            spf(SpfValue.PASS, "helo.example", SpfIdentity.HELO),
            spf(SpfValue.PASS, "a.example"),
            dkim(DkimValue.PASS, "b.example"),
            dkim(DkimValue.PASS, "b.example"),
            dkim(DkimValue.TEMPERROR, "c.example"),
            dkim(DkimValue.FAIL, "d.example"),
            dkim(DkimValue.POLICY, "e.example"),
            dkim(DkimValue.PASS, ""),
        ]
    )
    assert identifiers_in(results) == Identifiers(("a.example",), ("b.example",), (), ("c.example",))


@pytest.mark.parametrize("value", [SpfValue.SOFTFAIL, SpfValue.NEUTRAL, SpfValue.NONE, SpfValue.PERMERROR])
def test_only_a_pass_of_spf_counts(value: SpfValue) -> None:
    assert identifiers_in(Results([spf(value, "a.example")])) == Identifiers()


def test_a_helo_never_counts_not_even_as_unknown() -> None:
    results = Results([spf(value, "a.example", SpfIdentity.HELO) for value in (SpfValue.PASS, SpfValue.TEMPERROR)])
    assert identifiers_in(results) == Identifiers()


def test_everything_that_may_be_needed_is_asked_for_at_once() -> None:
    asked = needed("a.example.com", Identifiers(("example.com",), ("example.net",), (), ("b.com",)))
    names = ("a.example.com", "example.com", "com", "b.com")
    assert asked == {Question(f"_dmarc.{name}", RecordType.TXT) for name in names}


@pytest.mark.parametrize(
    ("author", "tags", "asked"),
    [
        ("example.com", "p=none; np=reject", False),
        ("a.example.com", "p=reject", False),
        ("a.example.com", "p=none; np=none", False),
        ("a.example.com", "p=reject; sp=none; np=none", False),
        ("a.example.com", "p=reject; np=none; sp=x", False),
        ("a.example.com", "p=none; np=reject", True),
        ("a.example.com", "p=reject; sp=none; np=reject", True),
    ],
)
def test_whether_the_author_exists_is_asked_only_where_it_decides_on_the_policy(
    author: str,
    tags: str,
    asked: bool,  # noqa: FBT001
) -> None:
    resolver = ZoneResolver(record("example.com", tags))
    asyncio.run(check(resolver, author, Identifiers()))
    assert (existence_question(author) in resolver.asked) == asked


def test_an_author_domain_of_many_labels_costs_eight_queries() -> None:
    asked = needed("a.b.c.d.e.f.g.h.i.j.k.example.com", Identifiers())
    assert len(asked) == 8


def test_a_result_says_where_the_policy_stands() -> None:
    expected = DmarcResult(
        value=FAIL, domain="child.example.com", policy=DmarcPolicy.REJECT, record_domain="example.com"
    )
    assert dmarc("child.example.com", REJECT_ALL) == expected
