import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from relayguard.core.processes import Reload, ReloadEnd, State
from relayguard.metrics.page import POLICY, FilterState, ListenerState, Status, render, without_secrets
from relayguard.metrics.processes import WorkerState

NOW = 1_800_000_000.0
MARKUP = "<script>alert('a\"b&c')</script>"

STATUS = Status(
    version="1.2.3",
    now=NOW,
    serving=True,
    since=NOW - 3 * 86400,
    path="/etc/relayguard/relayguard.toml",
    generation=7,
    draining=(),
    serves_since=NOW - 7200,
    last_reload=ReloadEnd(Reload.SERVED, NOW - 7200),
    store="lmdb",
    fallen_back=(),
    listeners=(ListenerState("default", "unix:/run/milter.sock", "native", 1, 2),),
    workers=(WorkerState("default", 3, State.SERVING, NOW - 1, 50 * 1024 * 1024, 2.0, 4711, 7),),
    filters=(FilterState("default", "spf", {"incoming": ("enforce",), "local": ("enforce",)}, "continue", ()),),
)


class Page(HTMLParser):
    """What a reader sees: rows of cells, the text, where links lead; and that each element is closed."""

    VOID = frozenset({"meta"})

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.words = ""
        self.links: list[str | None] = []
        self.elements: list[str] = []
        self._open: list[str] = []
        self.feed(render(replace(STATUS, **changes)))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        return next(row for row in self.rows if row[0] == first)[1:]

    def filter(self, name: str) -> list[str]:
        return next(row for row in self.rows if row[1] == name)[2:]


def test_it_tells_what_runs_since_when_and_where_to_look_further() -> None:
    page = Page()
    assert "Relayguard 1.2.3" in page.words
    assert "Mail is served." in page.words
    assert page.row("supervisor runs since") == ["2027-01-12 08:00:00 UTC, 3 days ago"]
    assert page.row("configuration") == ["/etc/relayguard/relayguard.toml"]
    assert page.row("generation") == ["7"]
    assert page.row("serves since") == ["2027-01-15 06:00:00 UTC, 2 h ago"]
    assert page.row("last reload") == ["served, 2027-01-15 06:00:00 UTC, 2 h ago"]
    assert page.row("limits are counted in") == ["lmdb"]
    assert page.links == ["/metrics", "/healthz"]


def test_listeners_and_workers_have_a_row_each() -> None:
    page = Page()
    assert ["default", "unix:/run/milter.sock", "native", "1 of 2 serve"] in page.rows
    assert ["default", "3", "4711", "serving", "7", "50 MB", "1 s ago"] in page.rows


@pytest.mark.parametrize(
    ("modes", "shown"),
    [
        ({"incoming": ["shadow"], "local": ["shadow"]}, "shadow"),
        (
            {"incoming": ["shadow"], "local": ["enforce"], "submission": ["enforce"]},
            "shadow (incoming); enforce (local, submission)",
        ),
        ({"incoming": ["enforce", "shadow"]}, "enforce or shadow"),
        ({}, "not told yet"),
    ],
)
def test_a_filter_is_shown_with_its_mode(modes: dict[str, list[str]], shown: str) -> None:
    page = Page(filters=(FilterState("default", "dmarc", modes, "defer", ()),))
    assert page.filter("dmarc") == [shown, "defer", "closed"]


def test_an_open_breaker_is_shown_with_its_stages() -> None:
    page = Page(filters=(FilterState("default", "dmarc", {}, "continue", ("helo", "rcpt_to")),))
    assert page.filter("dmarc")[-1] == "open at helo, rcpt_to"


def test_a_store_that_is_not_asked_is_shown() -> None:
    assert Page(store="redis", fallen_back=("redis",)).row("limits are counted in") == [
        "redis; not asked now, because it does not answer: redis"
    ]


def test_before_and_besides_the_usual() -> None:
    page = Page(serving=False, serves_since=None, last_reload=None, draining=(6,))
    assert "Mail is not served on every listener." in page.words
    assert (page.row("serves since"), page.row("last reload")) == (["not yet"], ["none"])
    assert "Generation 6 drains" in page.words


def test_a_reload_that_failed_is_shown_with_its_problems() -> None:
    page = Page(last_reload=ReloadEnd(Reload.REFUSED, NOW - 60, (f"filters: {MARKUP}", "b")))
    assert page.row("last reload") == ["refused, 2027-01-15 07:59:00 UTC, 60 s ago"]
    assert "filters: <script>alert('...')</script>\n" in page.words
    assert "script" not in page.elements


def test_of_many_problems_the_first_are_shown() -> None:
    problems = tuple(f"problem {number}" for number in range(12))
    page = Page(last_reload=ReloadEnd(Reload.REFUSED, NOW, problems))
    assert "problem 9\nand 2 more: see the log" in page.words


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        ('store.password_file: must be a path, not ["hunter2", 1]', "store.password_file: must be a path"),
        ("redis://:hunter2@db/0 is away", "redis://...@db/0 is away"),
        ("redis://user:hunt@er/2@db/0 is away", "redis://...@db/0 is away"),
        ("redis://db/0?password=hunter2 is away", "redis://db/0?password=..."),
        ("Token = hunter 2", "Token = ..."),
        ("filter.x: ValueError: bad word 'hunter2'", "filter.x: ValueError: bad word '...'"),
        ("filter.x.token: unknown option", "filter.x.token: unknown option"),
    ],
)
def test_a_problem_is_shown_without_what_may_be_a_secret(problem: str, shown: str) -> None:
    assert without_secrets(problem) == shown


def test_nothing_that_is_named_can_become_markup() -> None:
    page = Page(
        version=MARKUP,
        path=MARKUP,
        store=MARKUP,
        fallen_back=(MARKUP,),
        listeners=(ListenerState(MARKUP, MARKUP, MARKUP, 1, 1),),
        filters=(FilterState(MARKUP, MARKUP, {MARKUP: (MARKUP,), "b": ("c",)}, MARKUP, (MARKUP,)),),
    )
    assert page.words.count(MARKUP) == 13
    assert "script" not in page.elements


def test_its_policy_lets_its_own_style_in_and_nothing_else() -> None:
    style = re.findall(r"<style>(.*?)</style>", render(STATUS))[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert POLICY.startswith("default-src 'none';")
    assert "style=" not in render(STATUS)
