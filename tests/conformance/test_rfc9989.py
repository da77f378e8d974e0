"""RFC 9989 in tables: the examples of the standard, its walks, and what it says of records, policies and alignment."""

import asyncio
from itertools import product

import pytest

from relayguard import (
    Defer,
    DkimResult,
    DkimValue,
    DmarcResult,
    DmarcValue,
    Effect,
    RecordType,
    Result,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    lies_under,
)
from relayguard.services import Services
from relayguard.testing import ZoneResolver, a_session, an_envelope, collect, some_headers, some_services
from relayguard_plugins.dmarc.evaluation import Identifiers, check
from relayguard_plugins.dmarc.filter import DmarcFilter
from relayguard_plugins.dmarc.options import Options
from relayguard_plugins.dmarc.record import parse_record
from relayguard_plugins.dmarc.tree import organisational_domain, questions, walk
from tests.relayguard_plugins.dkim.signing import only_result, published, rsa_key, sign, txt, verify

PASS, FAIL, NONE, TEMPERROR = DmarcValue.PASS, DmarcValue.FAIL, DmarcValue.NONE, DmarcValue.TEMPERROR


def record(domain: str, tags: str = "p=none") -> str:
    return f'_dmarc.{domain}. IN TXT "v=DMARC1; {tags}"\n'


def dmarc(author: str, zone: str, identifiers: Identifiers | None = None) -> DmarcResult:
    return asyncio.run(check(ZoneResolver(zone), author, identifiers or Identifiers()))


def spf(domain: str, value: SpfValue = SpfValue.PASS, identity: SpfIdentity = SpfIdentity.MAIL_FROM) -> SpfResult:
    return SpfResult(value=value, identity=identity, domain=domain, identifier=domain)


def dkim(domain: str, value: DkimValue = DkimValue.PASS) -> DkimResult:
    return DkimResult(value=value, domain=domain)


def judged(
    author: str, services: Services, *results: Result, sender: str = "", options: Options | None = None
) -> list[Effect]:
    """What the filter makes of a whole message."""
    filter_, session, envelope = DmarcFilter(options or Options(), services), a_session(), an_envelope(sender)
    headers = some_headers(f"From: sender@{author}\nTo: receiver@example.org\nSubject: here's a sample\n")
    filter_.mail_from(session, envelope)
    filter_.end_of_headers(envelope, headers, Results())
    return collect(filter_.end_of_message(session, envelope, headers, Results(results)))


def result_in(effects: list[Effect]) -> DmarcResult:
    (result,) = [effect for effect in effects if isinstance(effect, DmarcResult)]
    return result


def asked(services: Services) -> list[str]:
    """The domains whose policy records were asked for."""
    assert isinstance(services.resolver, ZoneResolver)
    return [each.name.removeprefix("_dmarc.") for each in services.resolver.asked if each.type is RecordType.TXT]


DEEP = "a.b.c.d.e.f.g.h.i.j.k.example.com"
RELAXED = record("example.com", "p=reject") + record("example.net", "p=reject")
STRICT = record("example.com", "p=reject; adkim=s; aspf=s") + record("example.net", "p=reject")
SESSION = record("example.com", "p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com")
SIGNING = record("example.com", "p=quarantine") + record("signing.example.com", "p=reject")
BANK = record("bank.example", "p=reject; psd=y") + record("giant.bank.example", "p=quarantine")
MAIL = record("mail.example.com", "p=reject") + record("example.com", "p=reject")
CUT = record("mail.example.com", "p=reject; psd=n") + record("example.com", "p=reject")

EXAMPLES = [
    # The zone, the author domain, what passed SPF and DKIM, the result, and the policy domain.
    ("4.4 foo", RELAXED, "news.example.com", "foo.example.com", "", PASS, "example.com"),
    ("4.4 foo, strict", STRICT, "news.example.com", "foo.example.com", "", FAIL, "example.com"),
    ("4.4 news, strict", STRICT, "news.example.com", "news.example.com", "", PASS, "example.com"),
    ("4.4 another tree", RELAXED, "news.example.com", "foo.example.net", "", FAIL, "example.com"),
    ("4.10.2 one domain", record("mail.example.com"), "mail.example.com", "mail.example.com", "", PASS, "mail.example.com"),
    ("11.8 a subdomain", RELAXED, "example.com", "evil.example.com", "", PASS, "example.com"),
    ("11.8 a subdomain, strict", STRICT, "example.com", "evil.example.com", "", FAIL, "example.com"),
    ("11.8 a sister", MAIL, "evil.example.com", "mail.example.com", "", PASS, "example.com"),
    ("11.8 a sister with psd=n", CUT, "evil.example.com", "mail.example.com", "", FAIL, "example.com"),
    ("B.1.1 1", RELAXED, "example.com", "example.com", "", PASS, "example.com"),
    ("B.1.1 1, strict", STRICT, "example.com", "example.com", "", PASS, "example.com"),
    ("B.1.1 2", RELAXED, "example.com", "child.example.com", "", PASS, "example.com"),
    ("B.1.1 2, strict", STRICT, "example.com", "child.example.com", "", FAIL, "example.com"),
    ("B.1.1 3", RELAXED, "child.example.com", "example.net", "", FAIL, "example.com"),
    ("B.1.2 1", RELAXED, "example.com", "", "example.com", PASS, "example.com"),
    ("B.1.2 1, strict", STRICT, "example.com", "", "example.com", PASS, "example.com"),
    ("B.1.2 2", RELAXED, "child.example.com", "", "example.com", PASS, "example.com"),
    ("B.1.2 2, strict", STRICT, "child.example.com", "", "example.com", FAIL, "example.com"),
    ("B.1.2 3", RELAXED, "child.example.com", "", "example.net", FAIL, "example.com"),
    ("B.3.1", SESSION, "example.com", "mail.example.com", "example.com", PASS, "example.com"),
    ("B.3.1 SPF alone", SESSION, "example.com", "mail.example.com", "", PASS, "example.com"),
    ("B.3.1 DKIM alone", SESSION, "example.com", "", "example.com", PASS, "example.com"),
    ("B.3.1 neither", SESSION, "example.com", "", "", FAIL, "example.com"),
    ("B.4.1", SIGNING, "example.com", "example.com", "signing.example.com", PASS, "example.com"),
    ("B.4.1 SPF alone", SIGNING, "example.com", "example.com", "", PASS, "example.com"),
    ("B.4.1 DKIM alone", SIGNING, "example.com", "", "signing.example.com", PASS, "example.com"),
    ("B.4.1 neither", SIGNING, "example.com", "", "", FAIL, "example.com"),
    ("B.4.2", SIGNING, DEEP, "example.com", "signing.example.com", PASS, "example.com"),
    ("B.4.2 SPF alone", SIGNING, DEEP, "example.com", "", PASS, "example.com"),
    ("B.4.2 DKIM alone", SIGNING, DEEP, "", "signing.example.com", PASS, "example.com"),
    ("B.4.2 neither", SIGNING, DEEP, "", "", FAIL, "example.com"),
    ("B.4.3", BANK, "giant.bank.example", "mail.giant.bank.example", "mail.mega.bank.example", PASS, "giant.bank.example"),
    ("B.4.3 SPF alone", BANK, "giant.bank.example", "mail.giant.bank.example", "", PASS, "giant.bank.example"),
    ("B.4.3 DKIM alone", BANK, "giant.bank.example", "", "mail.mega.bank.example", FAIL, "giant.bank.example"),
    ("B.4.3 neither", BANK, "giant.bank.example", "", "", FAIL, "giant.bank.example"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "author", "by_spf", "by_dkim", "value", "source"),
    [r[1:] for r in EXAMPLES],
    ids=[r[0] for r in EXAMPLES],
)
def test_a_message_of_the_standards_examples_is_judged_as_it_says(
    zone: str, author: str, by_spf: str, by_dkim: str, value: DmarcValue, source: str
) -> None:
    results: list[Result] = [spf(by_spf)] if by_spf else []
    results += [dkim(by_dkim)] if by_dkim else []
    effects = judged(author, some_services(zone), *results, sender=f"sender@{by_spf}" if by_spf else "")
    assert (result_in(effects).value, result_in(effects).record_domain) == (value, source)
    if value is PASS:
        assert len(effects) == 1, "what passes is not judged"


AUTHOR = "a.mail.example.com"
CUT_BELOW = record("b.c.d.e.f.g.example.com", "p=none; psd=n") + record("example.com")

ORGANISATIONS = [
    # The domain, the zone, and the organisational domain.
    ("4.10.2 the fewest labels", AUTHOR, record("mail.example.com") + record("example.com"), "example.com"),
    ("4.10.2 psd=n", AUTHOR, record("mail.example.com", "psd=n") + record("example.com"), "mail.example.com"),
    ("4.10.2 psd=y at the top", AUTHOR, record("com", "psd=y"), "example.com"),
    ("4.10.2 psd=y one label above", "mail.example.com", record("example.com", "psd=y"), "mail.example.com"),
    ("4.10.2 no record", AUTHOR, "", AUTHOR),
    ("5.1.8 a cut that is never asked for", "mail.a.b.c.d.e.f.g.example.com", CUT_BELOW, "example.com"),
    ("B.4.1 author, MAIL FROM", "example.com", SIGNING, "example.com"),
    ("B.4.1 DKIM", "signing.example.com", SIGNING, "example.com"),
    ("B.4.2 author", DEEP, SIGNING, "example.com"),
    ("B.4.3 author", "giant.bank.example", BANK, "giant.bank.example"),
    ("B.4.3 MAIL FROM", "mail.giant.bank.example", BANK, "giant.bank.example"),
    ("B.4.3 DKIM", "mail.mega.bank.example", BANK, "mega.bank.example"),
]


@pytest.mark.parametrize(
    ("domain", "zone", "organisation"), [row[1:] for row in ORGANISATIONS], ids=[row[0] for row in ORGANISATIONS]
)
def test_a_domain_of_the_standards_examples_has_the_organisation_that_it_says(
    domain: str, zone: str, organisation: str
) -> None:
    answers = asyncio.run(ZoneResolver(zone).resolve_all(questions(domain)))
    assert organisational_domain(domain, walk(domain, answers)) == organisation


RUA = '"v=DMARC1; p=none; " "rua=mailto:dmarc-feedback@example.com'
REJECTED = '"rua=mailto:dmarc-feedback@example.com," "mailto:tld-test@thirdparty.example.net'

OWNERS = [
    # The author domain, the record's domain and its strings, and the policy.
    ("B.2.1", "example.com", "example.com", f'{RUA}"', "none"),
    ("B.2.2", "example.com", "example.com", f'{RUA}; " "ruf=mailto:auth-reports@example.com"', "none"),
    ("B.2.3", "example.com", "example.com", f'{RUA}; " "ruf=mailto:auth@thirdparty.example.net"', "none"),
    ("B.2.5 testing", "test.example.com", "test.example.com", f'"v=DMARC1; p=quarantine; " {REJECTED}; " "t=y"', "none"),
    ("B.2.5 tested", "test.example.com", "test.example.com", f'"v=DMARC1; p=reject; " {REJECTED}"', "reject"),
    ("B.2.5 above it", "example.com", "test.example.com", f'"v=DMARC1; p=reject; " {REJECTED}"', None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("author", "domain", "strings", "policy"), [r[1:] for r in OWNERS], ids=[r[0] for r in OWNERS]
)
def test_a_record_of_the_standards_examples_asks_for_what_it_says(
    author: str, domain: str, strings: str, policy: str | None
) -> None:
    effects = judged(author, some_services(f"_dmarc.{domain}. IN TXT {strings}\n"))
    result = result_in(effects)
    assert (result.value, result.policy) == (FAIL if policy else NONE, policy)
    # RFC 9989 §5.4: p=none must change nothing, and no record says less than that.
    assert (len(effects) == 1) is (policy in ("none", None))


@pytest.mark.parametrize("text", [b"v=DMARC1;", b"v=DMARC1; rua=mailto:a@example.net"], ids=["B.2.3", "B.2.4"])
def test_a_report_consumers_record_is_a_record_without_a_policy(text: bytes) -> None:
    parsed = parse_record(text)
    assert parsed is not None
    assert parsed.policy is None


SLOW = [
    ("the policy", "$SERVFAIL _dmarc.example.com.\n", []),
    ("the policy, where SPF passed", "$SERVFAIL _dmarc.example.com.\n", [spf("example.com")]),
    ("alignment", RELAXED + "$SERVFAIL _dmarc.com.\n", [spf("mail.example.com")]),
    ("SPF", RELAXED, [spf("example.com", SpfValue.TEMPERROR)]),
]


@pytest.mark.parametrize(("zone", "results"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_what_cannot_be_known_now_applies_no_policy_and_may_be_answered_by_a_4yz_reply(
    zone: str, results: list[Result]
) -> None:
    # RFC 9989 §5.3.6, and §B.3.1 on the reply.
    (left,) = judged("example.com", some_services(zone), *results)
    result, verdict = judged("example.com", some_services(zone), *results, options=Options(on_temperror="defer"))
    assert result == left
    assert result_in([result]).value is TEMPERROR
    assert isinstance(verdict, Defer)
    assert verdict.code in range(400, 500)


WALKS = [
    ("4.10", "a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail h.i.j.mail i.j.mail j.mail mail"),
    ("5.1.8", "mail.a.b.c.d.e.f.g.example.com", "c.d.e.f.g d.e.f.g e.f.g f.g g"),
    ("B.4.2", DEEP, "g.h.i.j.k h.i.j.k i.j.k j.k k"),
    ("8 labels", "a.b.c.d.e.f.example.com", "b.c.d.e.f c.d.e.f d.e.f e.f f"),
    ("7 labels", "b.c.d.e.f.example.com", "c.d.e.f d.e.f e.f f"),
    ("B.4.1", "signing.example.com", ""),
]


@pytest.mark.parametrize(("domain", "between"), [row[1:] for row in WALKS], ids=[row[0] for row in WALKS])
def test_a_walk_asks_for_the_standards_names_in_its_order(domain: str, between: str) -> None:
    services = some_services()
    asyncio.run(services.resolver.resolve_all(questions(domain)))
    above = [f"{each}.example.com" for each in between.split()]
    assert asked(services) == [domain, *above, "example.com", "com"]


def test_no_identifier_of_a_message_costs_more_than_eight_questions() -> None:
    author, sender, signer, other = (f"{'x.' * 9}{name}.example" for name in ("author", "sender", "signer", "other"))
    services = some_services(record("author.example", "p=reject") + record("signer.example"))
    judged(author, services, spf(sender), dkim(signer), dkim(other), sender=f"a@{sender}")
    for domain in (author, sender, signer, other):
        assert len([name for name in asked(services) if lies_under(domain, name)]) == 8
    # The top is asked for once.
    assert len(asked(services)) == 4 * 7 + 1


EVERYWHERE = ("a.b.c.example", "b.c.example", "c.example", "example")
PLACES = [
    # Where psd= is said, among plain records at every name; and the organisation under psd=n and psd=y.
    ("a.b.c.example", "a.b.c.example", "a.b.c.example"),
    ("b.c.example", "b.c.example", "a.b.c.example"),
    ("c.example", "c.example", "b.c.example"),
    ("example", "example", "c.example"),
]


@pytest.mark.parametrize(("place", "if_n", "if_y"), PLACES)
def test_psd_decides_wherever_it_is_said(place: str, if_n: str, if_y: str) -> None:
    for psd, organisation in (("n", if_n), ("y", if_y), ("u", "example"), ("junk", "example")):
        zone = "".join(record(name, f"psd={psd}" if name == place else "p=none") for name in EVERYWHERE)
        answers = asyncio.run(ZoneResolver(zone).resolve_all(questions("a.b.c.example")))
        assert organisational_domain("a.b.c.example", walk("a.b.c.example", answers)) == organisation, psd


SOURCES = [
    # What the records at and above a.b.c.example say of psd, and whose policy applies to it (RFC 9989 §4.10.1).
    (
        "its own, before all",
        {"a.b.c.example": "u", "b.c.example": "n", "example": "u"},
        "a.b.c.example",
    ),
    ("the organisation's, not the nearest", {"b.c.example": "u", "c.example": "u"}, "c.example"),
    ("the one of psd=n", {"b.c.example": "n", "c.example": "u"}, "b.c.example"),
    ("below psd=y, before its", {"c.example": "u", "example": "y"}, "c.example"),
    ("psd=y alone", {"example": "y"}, "example"),
    ("psd=y one label above", {"b.c.example": "y"}, "b.c.example"),
    ("psd=y over a record that is no organisation's", {"b.c.example": "u", "example": "y"}, "example"),
    ("psd=y ends the walk", {"c.example": "y", "example": "u"}, "c.example"),
    ("no psd at the top", {"c.example": "u", "example": "u"}, "example"),
    ("nobody's", {"d.example": "u"}, None),
]


@pytest.mark.parametrize(("records", "source"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES])
def test_the_policy_is_of_the_author_else_the_organisation_else_the_public_suffix(
    records: dict[str, str], source: str | None
) -> None:
    zone = "".join(record(name, f"p=none; psd={psd}") for name, psd in records.items())
    assert dmarc("a.b.c.example", zone).record_domain == source


FORMS = [
    # The TXT records of example.com as a zone file writes them, and the policy; None if there is no DMARC.
    ("the version alone", ['"v=DMARC1"'], "none"),
    ("white space around each sign", [r'"v\009= DMARC1 ; p =\009reject ;"'], "reject"),
    ("policy last", ['"v=DMARC1; sp=none; adkim=r; p=reject"'], "reject"),
    ("a value in capitals", ['"v=DMARC1; p=REJECT; t=N"'], "reject"),
    ("several strings", ['"v=DMA" "RC1; p=rej" "ect"'], "reject"),
    ("beside other texts", ['"v=spf1 -all"', '"v=DMARC1; p=reject"', '"v=DMARC2; p=none"'], "reject"),
    ("two records", ['"v=DMARC1; p=reject"', '"v=DMARC1; p=none"'], None),
    ("unknown tags", ['"v=DMARC1; new=1; p=reject; x=mailto:a@example.com"'], "reject"),
    ("historic tags", ['"v=DMARC1; p=reject; pct=0; rf=afrf; ri=1"'], "reject"),
    ("fo without ruf", ['"v=DMARC1; p=reject; fo=1:d:s"'], "reject"),
    ("values that are none", ['"v=DMARC1; p=reject; adkim=x; aspf=; t=maybe; psd=z; fo=q"'], "reject"),
    ("no tags at all between", ['"v=DMARC1;; junk; =; p=reject;"'], "reject"),
    ("an unreadable policy and an obsolete size", ['"v=DMARC1; p=junk; rua=mailto:a@example.com!10m"'], "none"),
    ("an unreadable policy and one good address", ['"v=DMARC1; p=junk; rua=junk, mailto:a@example.com"'], "none"),
    ("the tag v in capitals", ['"V=DMARC1; p=reject"'], None),
    ("the version in small letters", ['"v=dmarc1; p=reject"'], None),
    ("another version", ['"v=DMARC10; p=reject"'], None),
    ("the version behind a space", ['" v=DMARC1; p=reject"'], None),
    ("the version not first", ['"p=reject; v=DMARC1"'], None),
    ("no semicolon", ['"v=DMARC1 p=reject"'], None),
]


@pytest.mark.parametrize(("texts", "policy"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_a_record_is_read_by_its_grammar(texts: list[str], policy: str | None) -> None:
    result = dmarc("example.com", "".join(f"_dmarc.example.com. IN TXT {text}\n" for text in texts))
    assert (result.value, result.policy) == (FAIL if policy else NONE, policy)


# p=, sp= or np=, rua=; then the policy of example.com and that of a subdomain; "-" if there is no DMARC.
# An absent p= is p=none (RFC 9989 §4.7): only what is there and unreadable makes a record that §4.10.1 drops.
READABLE = """
absent   absent   absent   none        none
absent   absent   valid    none        none
absent   absent   invalid  none        none
absent   valid    absent   none        reject
absent   valid    valid    none        reject
absent   valid    invalid  none        reject
absent   invalid  absent   -           -
absent   invalid  valid    none        none
absent   invalid  invalid  -           -
valid    absent   absent   quarantine  quarantine
valid    absent   valid    quarantine  quarantine
valid    absent   invalid  quarantine  quarantine
valid    valid    absent   quarantine  reject
valid    valid    valid    quarantine  reject
valid    valid    invalid  quarantine  reject
valid    invalid  absent   -           -
valid    invalid  valid    none        none
valid    invalid  invalid  -           -
invalid  absent   absent   -           -
invalid  absent   valid    none        none
invalid  absent   invalid  -           -
invalid  valid    absent   -           -
invalid  valid    valid    none        none
invalid  valid    invalid  -           -
invalid  invalid  absent   -           -
invalid  invalid  valid    none        none
invalid  invalid  invalid  -           -
"""
WRITTEN = {
    "p": {"absent": "", "valid": "p=quarantine;", "invalid": "p=junk;"},
    "sp": {"absent": "", "valid": "sp=reject;", "invalid": "sp=junk;"},
    "np": {"absent": "", "valid": "np=reject;", "invalid": "np=;"},
    "rua": {"absent": "", "valid": "rua=mailto:a@example.com", "invalid": "rua=junk"},
}
CHILDREN = "child.example.com. IN A 192.0.2.1\n"
SUBDOMAINS = {"sp": "child.example.com", "np": "no.example.com"}


@pytest.mark.parametrize("tag", ["sp", "np"])
@pytest.mark.parametrize("row", READABLE.split("\n")[1:-1])
def test_an_unreadable_policy_is_none_if_reports_are_wanted_and_else_no_record(row: str, tag: str) -> None:
    policy, other, rua, own, below = row.split()
    tags = WRITTEN["p"][policy] + WRITTEN[tag][other] + WRITTEN["rua"][rua]
    for author, expected in (("example.com", own), (SUBDOMAINS[tag], below)):
        result = dmarc(author, record("example.com", tags) + CHILDREN)
        assert (result.value, result.policy or "-") == (NONE if expected == "-" else FAIL, expected)


TESTING = [("none", "none"), ("quarantine", "none"), ("reject", "quarantine")]


@pytest.mark.parametrize(("tag", "author"), [("p", "example.com"), *SUBDOMAINS.items()])
@pytest.mark.parametrize(("policy", "lowered"), TESTING)
def test_t_y_lowers_any_policy_by_one(policy: str, lowered: str, tag: str, author: str) -> None:
    for t, expected in (("y", lowered), ("Y", lowered), ("n", policy), ("x", policy)):
        tags = f"{tag}={policy}; t={t}" if tag == "p" else f"p=none; {tag}={policy}; t={t}"
        assert dmarc(author, record("example.com", tags) + CHILDREN).policy == expected


NAMES = """\
child.example.com.       IN A 192.0.2.1
text.example.com.        IN TXT "no address"
deep.empty.example.com.  IN A 192.0.2.1
alias.example.com.       IN CNAME child.example.com.
lost.example.com.        IN CNAME no.example.com.
"""
ALL = "p=none; sp=quarantine; np=reject"

EXISTENCE = [
    # The author domain, the record of example.com, and the policy.
    ("the record's own domain", "example.com", ALL, "none"),
    ("a name with an address", "child.example.com", ALL, "quarantine"),
    ("NODATA", "text.example.com", ALL, "quarantine"),
    ("an empty non-terminal", "empty.example.com", ALL, "quarantine"),
    ("an alias", "alias.example.com", ALL, "quarantine"),
    # RFC 8020 §1.1: what NXDOMAIN denies is the end of the chain, not the alias; and any record means that a
    # name exists (RFC 9989 §A.4).
    ("an alias of nothing", "lost.example.com", ALL, "quarantine"),
    ("NXDOMAIN", "no.example.com", ALL, "reject"),
    ("below NXDOMAIN", "a.no.example.com", ALL, "reject"),
    ("NXDOMAIN without np", "no.example.com", "p=none; sp=quarantine", "quarantine"),
    ("NXDOMAIN with p alone", "no.example.com", "p=quarantine", "quarantine"),
    ("NXDOMAIN with np and p", "no.example.com", "p=none; np=reject", "reject"),
    ("an address, with np and p", "child.example.com", "p=quarantine; np=reject", "quarantine"),
    ("NXDOMAIN below a public suffix", "no.example.com", ALL + "; psd=y", "reject"),
    ("a name below a public suffix", "child.example.com", ALL + "; psd=y", "quarantine"),
]


@pytest.mark.parametrize(("author", "tags", "policy"), [r[1:] for r in EXISTENCE], ids=[r[0] for r in EXISTENCE])
def test_np_is_for_what_does_not_exist_and_sp_for_what_does(author: str, tags: str, policy: str) -> None:
    assert dmarc(author, record("example.com", tags) + NAMES).policy == policy


OWN = record("a.b.c.example", "p=reject")
TOP = record("c.example", "p=reject")
CLOSED = record("a.b.c.example", "p=reject; adkim=s; aspf=s")
HERE, SISTER, STRANGER = (Identifiers(spf=(name,)) for name in ("a.b.c.example", "x.b.c.example", "example.net"))

TROUBLE = [
    # The name that does not answer, the records, the identifiers, and the result for a.b.c.example.
    ("own record, nothing else known", "a.b.c.example", "", HERE, TEMPERROR),
    ("own record, another above", "a.b.c.example", TOP, HERE, TEMPERROR),
    ("first above, own record, itself passed", "b.c.example", OWN, HERE, PASS),
    ("second above, own record, itself passed", "c.example", OWN, HERE, PASS),
    ("the top, own record, itself passed", "example", OWN, HERE, PASS),
    ("first above, own record, nothing passed", "b.c.example", OWN, None, FAIL),
    ("the top, own record, nothing passed", "example", OWN, None, FAIL),
    ("first above, own record, a sister passed", "b.c.example", OWN, SISTER, TEMPERROR),
    ("second above, own record, a sister passed", "c.example", OWN, SISTER, TEMPERROR),
    ("the top, own record, a sister passed", "example", OWN, SISTER, TEMPERROR),
    ("first above, own strict record, a sister passed", "b.c.example", CLOSED, SISTER, FAIL),
    ("the top, own record, a stranger passed", "example", OWN, STRANGER, FAIL),
    ("first above, no own record", "b.c.example", TOP, HERE, TEMPERROR),
    ("second above, no own record", "c.example", record("b.c.example"), HERE, TEMPERROR),
    ("the top, no own record", "example", TOP, HERE, TEMPERROR),
    ("above psd=n", "c.example", record("b.c.example", "p=none; psd=n"), None, FAIL),
    ("above psd=y", "example", record("c.example", "p=none; psd=y"), None, FAIL),
    ("below psd=n", "b.c.example", record("c.example", "p=none; psd=n"), None, TEMPERROR),
    ("the sister's own, aligned by what is above", "x.b.c.example", TOP, SISTER, TEMPERROR),
    ("the stranger's own", "example.net", TOP, STRANGER, FAIL),
    ("below the author", "y.a.b.c.example", TOP, HERE, PASS),
]


@pytest.mark.parametrize("trouble", ["$SERVFAIL", "$SILENT"])
@pytest.mark.parametrize(
    ("broken", "zone", "identifiers", "value"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE]
)
def test_a_query_that_was_needed_and_not_answered_is_neither_pass_nor_fail(
    broken: str, zone: str, identifiers: Identifiers | None, value: DmarcValue, trouble: str
) -> None:
    assert dmarc("a.b.c.example", f"{zone}{trouble} _dmarc.{broken}.\n", identifiers).value is value


ALIGNMENT = [
    # The author domain, what passed, and the result in relaxed and in strict alignment.
    ("itself", "example.com", "example.com", PASS, PASS),
    ("its child", "example.com", "mail.example.com", PASS, FAIL),
    ("its grandchild", "example.com", "a.mail.example.com", PASS, FAIL),
    ("its parent", "mail.example.com", "example.com", PASS, FAIL),
    ("its grandparent", "a.mail.example.com", "example.com", PASS, FAIL),
    ("its sibling", "news.example.com", "mail.example.com", PASS, FAIL),
    ("its uncle", "a.mail.example.com", "news.example.com", PASS, FAIL),
    ("the top level", "example.com", "com", FAIL, FAIL),
    ("a neighbour", "example.com", "example2.com", FAIL, FAIL),
    ("a longer name", "example.com", "notexample.com", FAIL, FAIL),
    ("another tree", "example.com", "example.com.example.net", FAIL, FAIL),
    ("an organisation of its own below", "example.com", "own.example.com", FAIL, FAIL),
    ("from an organisation of its own, up", "own.example.com", "example.com", FAIL, FAIL),
    ("within an organisation of its own", "a.own.example.com", "b.own.example.com", PASS, FAIL),
    ("below a public suffix, itself", "giant.bank.example", "giant.bank.example", PASS, PASS),
    ("below a public suffix, its child", "giant.bank.example", "mail.giant.bank.example", PASS, FAIL),
    ("below a public suffix, its sibling", "giant.bank.example", "mega.bank.example", FAIL, FAIL),
    ("below a public suffix, the suffix", "giant.bank.example", "bank.example", FAIL, FAIL),
    ("without a record below a public suffix", "mail.mega.bank.example", "mega.bank.example", PASS, FAIL),
    ("the public suffix, itself", "bank.example", "bank.example", PASS, PASS),
    ("the public suffix, from below", "bank.example", "giant.bank.example", FAIL, FAIL),
]  # fmt: skip


def tree(mode: str) -> str:
    tags = {"example.com": "p=reject", "own.example.com": "p=reject; psd=n", "bank.example": "p=reject; psd=y"}
    names = {**tags, "giant.bank.example": "p=none"}
    return "".join(record(name, f"{each}; {mode}") for name, each in names.items())


@pytest.mark.parametrize(
    ("author", "passed", "relaxed", "strict"), [row[1:] for row in ALIGNMENT], ids=[row[0] for row in ALIGNMENT]
)
def test_each_check_aligns_in_its_own_mode(author: str, passed: str, relaxed: DmarcValue, strict: DmarcValue) -> None:
    by = {"aspf": Identifiers(spf=(passed,)), "adkim": Identifiers(dkim=(passed,))}
    for tag, mode, (method, identifiers) in product(by, "rs", by.items()):
        expected = strict if (mode, tag) == ("s", method) else relaxed
        assert dmarc(author, tree(f"{tag}={mode}"), identifiers).value is expected, (tag, mode, method)


MAIL_FROM, HELO = SpfIdentity.MAIL_FROM, SpfIdentity.HELO
OUR, SUB, THEIR = "example.com", "mail.example.com", "example.net"

EVIDENCE: list[tuple[str, list[Result], DmarcValue]] = [
    ("nothing", [], FAIL),
    ("HELO", [spf(OUR, identity=HELO)], FAIL),
    ("HELO, and a stranger's MAIL FROM", [spf(OUR, identity=HELO), spf(THEIR)], FAIL),
    ("HELO that nobody knows", [spf(OUR, SpfValue.TEMPERROR, HELO)], FAIL),
    ("the null sender, which is postmaster at HELO", [spf(SUB, identity=HELO), spf(SUB)], PASS),
    ("softfail", [spf(OUR, SpfValue.SOFTFAIL)], FAIL),
    ("SPF temperror", [spf(OUR, SpfValue.TEMPERROR)], TEMPERROR),
    ("SPF temperror of a stranger", [spf(THEIR, SpfValue.TEMPERROR)], FAIL),
    ("one signature of two", [dkim(THEIR), dkim(OUR)], PASS),
    ("a stranger's signature, and our broken one", [dkim(THEIR), dkim(OUR, DkimValue.FAIL)], FAIL),
    ("our broken signature, and our good one", [dkim(OUR, DkimValue.FAIL), dkim(SUB)], PASS),
    ("our unknown signature, and our good one", [dkim(OUR, DkimValue.TEMPERROR), dkim(OUR)], PASS),
    ("our unknown signature, and a stranger's good one", [dkim(OUR, DkimValue.TEMPERROR), dkim(THEIR)], TEMPERROR),
    ("our unknown signature, and our MAIL FROM", [dkim(OUR, DkimValue.TEMPERROR), spf(SUB)], PASS),
    ("a signature that policy refused", [dkim(OUR, DkimValue.POLICY)], FAIL),
    ("an erroneous signature", [dkim(OUR, DkimValue.PERMERROR)], FAIL),
]


@pytest.mark.parametrize(("results", "value"), [row[1:] for row in EVIDENCE], ids=[row[0] for row in EVIDENCE])
def test_a_message_passes_by_any_aligned_pass_of_mail_from_or_a_signature(
    results: list[Result], value: DmarcValue
) -> None:
    assert result_in(judged(OUR, some_services(record(OUR, "p=quarantine")), *results)).value is value


MUNICH = "xn--mnchen-3ya.example"

AUTHORS = [
    ("a U-label", "münchen.example", MUNICH),
    ("a U-label, decomposed", "mu\u0308nchen.example", MUNICH),
    ("a U-label in capitals", "MÜNCHEN.Example", MUNICH),
    ("an A-label", MUNICH, MUNICH),
    ("an A-label in capitals", "XN--MNCHEN-3YA.example", MUNICH),
    ("a subdomain", "post.münchen.example", f"post.{MUNICH}"),
    ("a full stop of another script", "münchen\u3002example", MUNICH),
]


@pytest.mark.parametrize(("written", "domain"), [row[1:] for row in AUTHORS], ids=[row[0] for row in AUTHORS])
@pytest.mark.parametrize("signed", ["münchen.example", "MÜNCHEN.example", MUNICH])
def test_author_and_signer_are_compared_and_asked_for_in_a_labels(written: str, domain: str, signed: str) -> None:
    key = txt(f"s1._domainkey.{MUNICH}", f"p={published(rsa_key())}")
    signature = only_result(verify(sign(tags={"d": signed}), key))
    services = some_services(record(MUNICH, "p=reject"))
    result = result_in(judged(written, services, signature))
    assert (result.value, result.domain, result.record_domain) == (PASS, domain, MUNICH)
    assert set(asked(services)) == {domain, MUNICH, "example"}


@pytest.mark.parametrize(
    "written", ["☃.example", "xn--münchen.example", "-münchen-.example", "m\u202eünchen.example"]
)
def test_a_domain_that_has_no_a_labels_is_nobodys_and_asked_for_nowhere(written: str) -> None:
    services = some_services()
    assert result_in(judged(written, services)).value is DmarcValue.PERMERROR
    assert asked(services) == []
