from dataclasses import replace

import pytest

from relayguard.stores.backend import Entry
from relayguard.top import tables
from relayguard.top.rates import Count
from relayguard.top.view import Hottest
from tests.relayguard.top.conftest import Drawn, a_view


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_mail_has_a_column_for_each_outcome_that_ever_was(drawn: Drawn) -> None:
    assert rows(drawn(tables.mail(a_view(), 8) or "")) == [
        ["MAIL", "per", "second", "accepted", "rejected"],
        ["incoming", "3.00", "0.50"],
        ["would", "be", "4.00"],
        ["submission", "0"],
        ["all", "so", "far", "87", "15"],
    ]


def test_results_show_first_what_is_looked_for_first(drawn: Drawn) -> None:
    assert rows(drawn(tables.results(a_view(), 8) or "")) == [
        ["RESULTS", "per", "second", "pass", "temperror"],
        ["spf", "3.00", "0.10"],
    ]


def test_a_filter_that_is_not_called_is_marked(drawn: Drawn) -> None:
    assert rows(drawn(tables.filters(a_view(), 8) or ""))[1:] == [
        ["dkim", "0", "-", "-", "-", "1.00", "0", "open"],
        ["spf", "2.00", "50", "ms", "<10", "ms", "98", "ms", "0", "0"],
    ]


def test_dns_limits_stores_and_processes_are_a_row_each(drawn: Drawn) -> None:
    parts = (tables.dns, tables.limits, tables.stores, tables.processes)
    assert [rows(drawn(part(a_view(), 8) or ""))[1] for part in parts] == [
        ["questions", "8.00", "75%", "-", "-", "-", "25%"],
        ["logins", "100%", "4", "0", "1.00"],
        ["redis", "0", "-", "-", "1.00", "in", "use"],
        ["supervisor", "50", "MB", "0%"],
    ]


def test_more_rows_than_there_is_room_for_are_counted(drawn: Drawn) -> None:
    many = replace(a_view(), noted={("caps hit", f"cap{number}"): Count(1, 1) for number in range(11)})
    assert drawn(tables.noted(many, 4) or "").splitlines()[-1].strip() == "and 7 more"


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("[bold red]x[/] \x1b[2J\x1b]0;y\a\r\n@example.com", "[bold red]x[/] ?[2J?]0;y???@example.com"),
        ("[/]", "[/]"),
        ("\u202eb\u00fccher", "?b?cher"),
        (":warning:@example.com", ":warning:@example.com"),
    ],
)
def test_a_key_is_shown_as_it_is_and_nothing_in_it_is_obeyed(key: str, shown: str, drawn: Drawn) -> None:
    view = replace(a_view(), hottest=Hottest("/limits", [Entry("logins", key, 0.5, 0)]))
    _, row = drawn(tables.hottest(view, 8)).splitlines()
    assert row.split("  ")[0] == shown
    assert row.split()[-2:] == ["logins", "50%"]


def test_a_name_that_is_long_gives_way_before_the_numbers_do(drawn: Drawn) -> None:
    view = replace(a_view(), hottest=Hottest("/limits", [Entry("logins", "x" * 10_000, 0.5, 0)]))
    _, row = drawn(tables.hottest(view, 8)).splitlines()
    assert len(row) == 80
    assert row.endswith("xx…  logins   50%")


def test_why_no_keys_can_be_seen_is_said_in_a_line(drawn: Drawn) -> None:
    for trouble, line in ((None, "nothing is counted"), ("the disk is away\n", "the disk is away?")):
        view = replace(a_view(), hottest=Hottest("/limits", trouble=trouble))
        assert drawn(tables.hottest(view, 8)).splitlines()[1].strip() == line


def test_of_what_was_never_counted_there_is_no_table() -> None:
    nothing = a_view("", "")
    assert [part for part in tables.NARROW if part(nothing, 8) is not None] == [tables.dns, tables.hottest]


def test_both_layouts_have_the_same_parts() -> None:
    assert {*tables.LEFT, *tables.RIGHT} == set(tables.NARROW)
