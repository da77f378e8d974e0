"""Which rows may share a daemon."""

from dataclasses import replace

import pytest

from tests.attacks.cases import Case, cases
from tests.attacks.groups import groups_of

PLAIN = Case(
    id="plain",
    about="a row",
    mail_from="a@a.example",
    helo="a.example",
    client="192.0.2.1",
    message="From: a@a.example\n\n",
    zone='a.example. IN TXT "one"\n',
    decision="accepted",
)


@pytest.mark.parametrize(
    "other",
    [
        PLAIN,
        replace(PLAIN, zone='a.example.  IN  TXT  "one"'),
        replace(PLAIN, zone='b.example. IN TXT "two"\n$SERVFAIL c.example.'),
        replace(PLAIN, not_asked="secret"),
    ],
)
def test_rows_that_agree_share_a_daemon(other: Case) -> None:
    (group,) = groups_of([PLAIN, other])
    assert group.cases == [PLAIN, other]
    assert group.zone.count("a.example.") == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, config={"profile": "monitor"}),
        replace(PLAIN, zone='A.example. IN TXT "two"'),
        replace(PLAIN, zone='a.example. IN TXT "one"\na.example. IN TXT "two"'),
        replace(PLAIN, keys={"a.example": ["two"]}),
        replace(PLAIN, zone="$SILENT example."),
        replace(PLAIN, zone="$SERVFAIL a.example."),
        replace(PLAIN, not_asked="a.example"),
        replace(PLAIN, asked_under="example"),
    ],
)
def test_rows_that_disagree_do_not(other: Case) -> None:
    assert [group.cases for group in groups_of([PLAIN, other])] == [[PLAIN], [other]]
    assert [group.cases for group in groups_of([other, PLAIN])] == [[other], [PLAIN]]


def test_a_row_goes_to_the_first_daemon_that_it_agrees_with() -> None:
    other, third = replace(PLAIN, config={"profile": "monitor"}), replace(PLAIN, id="third")
    assert [group.cases for group in groups_of([PLAIN, other, third])] == [[PLAIN, third], [other]]


def test_all_rows_are_served_by_few_daemons() -> None:
    groups = groups_of(cases("wire"))
    assert sum(len(group.cases) for group in groups) == len(cases("wire"))
    assert len(groups) <= 12
