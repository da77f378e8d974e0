import asyncio
from collections.abc import Mapping

import pytest

from relayguard import Answer, Question
from relayguard.testing import ZoneResolver
from relayguard_plugins.dmarc.tree import (
    Unknown,
    organisational_domain,
    policy_question,
    questions,
    walk,
    walk_domains,
)

# The example of RFC 9989 §4.10.
LONGEST = "a.b.c.d.e.f.g.h.i.j.mail.example.com"
PARENTS = [
    "g.h.i.j.mail.example.com",
    "h.i.j.mail.example.com",
    "i.j.mail.example.com",
    "j.mail.example.com",
    "mail.example.com",
    "example.com",
    "com",
]


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        (LONGEST, [LONGEST, *PARENTS]),
        ("f.g.h.i.j.mail.example.com", ["f.g.h.i.j.mail.example.com", *PARENTS]),
        ("g.h.i.j.mail.example.com", PARENTS),
        ("example.com", PARENTS[-2:]),
        ("com", ["com"]),
    ],
    ids=["13 labels", "8 labels", "7 labels", "2 labels", "1 label"],
)
def test_the_walk_goes_up_to_the_top_in_eight_queries_at_most(domain: str, names: list[str]) -> None:
    assert walk_domains(domain) == names
    assert questions(domain) == [policy_question(name) for name in names]


def answers(domain: str, zone: str) -> Mapping[Question, Answer]:
    return asyncio.run(ZoneResolver(zone).resolve_all(questions(domain)))


def record(domain: str, tags: str = "p=none") -> str:
    return f'_dmarc.{domain}. IN TXT "v=DMARC1; {tags}"\n'


ORGANISATIONS = [
    ("no record at all", "mail.example.com", "", "mail.example.com"),
    ("its own record alone", "mail.example.com", record("mail.example.com"), "mail.example.com"),
    ("fewest labels", "a.mail.example.com", record("mail.example.com") + record("example.com"), "example.com"),
    ("a record at the top, without psd", "example.com", record("example.com") + record("com"), "com"),
    ("psd=n below others", "a.b.example.com", record("b.example.com", "psd=n") + record("example.com"), "b.example.com"),
    ("psd=n at the start", "b.example.com", record("b.example.com", "psd=n") + record("example.com"), "b.example.com"),
    ("psd=y above", "a.b.example.co.uk", record("co.uk", "psd=y"), "example.co.uk"),
    ("psd=y above a record", "a.b.co.uk", record("co.uk", "psd=y") + record("a.b.co.uk"), "b.co.uk"),
    ("psd=y at the start", "co.uk", record("co.uk", "psd=y") + record("uk"), "co.uk"),
    ("psd=y above a name never asked for", "a.b.c.d.e.f.g.h.co.uk", record("co.uk", "psd=y"), "h.co.uk"),
    ("two records count as none", "a.example.com", record("a.example.com") + record("example.com") * 2 + record("example.com", "p=reject"), "a.example.com"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "zone", "organisation"), [row[1:] for row in ORGANISATIONS], ids=[row[0] for row in ORGANISATIONS]
)
def test_the_organisational_domain_is_chosen_by_psd_then_by_the_fewest_labels(
    domain: str, zone: str, organisation: str
) -> None:
    assert organisational_domain(domain, walk(domain, answers(domain, zone))) == organisation


def test_the_walk_ends_where_psd_is_said() -> None:
    zone = record("a.b.example") + record("b.example", "psd=n") + record("example")
    assert [found.domain for found in walk("a.b.example", answers("a.b.example", zone))] == [
        "a.b.example",
        "b.example",
    ]


def test_a_name_server_that_fails_leaves_the_walk_unknown() -> None:
    zone = record("a.example.com") + "$SERVFAIL _dmarc.example.com.\n"
    with pytest.raises(Unknown, match=r"no answer for _dmarc\.example\.com: SERVFAIL"):
        walk("a.example.com", answers("a.example.com", zone))


def test_trouble_above_the_end_of_the_walk_does_not_matter() -> None:
    zone = record("example.com", "psd=n") + "$SERVFAIL _dmarc.com.\n"
    assert len(walk("example.com", answers("example.com", zone))) == 1
