"""The parts of the screen: each a table without frames, whose title is the heading of its first column.

Names come from configurations, and keys from mail: all are shown as text, never as markup, and hold nothing that a
terminal obeys.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from rich.table import Table
from rich.text import Text

from relayguard.core.decision import Outcome
from relayguard.core.text import printable
from relayguard.metrics.catalog import AUTH_RESULTS
from relayguard.top import words
from relayguard.top.rates import Count
from relayguard.top.view import FilterWork, LimitUse, View

_KEY = 200
_NAME = 9

GOOD, BAD, WARNING, FAINT = "green", "bold red", "yellow", "dim"

_STYLES = {
    Outcome.ACCEPTED: GOOD,
    Outcome.REJECTED: "red",
    Outcome.DEFERRED: WARNING,
    Outcome.FAILED: BAD,
    "pass": GOOD,
    "fail": "red",
    "temperror": BAD,
    "permerror": WARNING,
}

Cell = Text | str
Row = Sequence[Cell]


def safe(value: str, style: str = "") -> Text:
    """Return what came from outside as text that can be shown."""
    return Text(printable(value, _KEY), style, no_wrap=True, overflow="ellipsis")


def mail(view: View, most: int) -> Table | None:
    """Is mail flowing?"""
    columns = _used(Outcome, view.mail, view.would_be)

    def rows() -> Iterator[Row]:
        for role, outcomes in view.mail.items():
            yield [role, *_rates(columns, outcomes)]
            would = view.would_be.get(role)
            if would:
                yield ["  would be", *_rates(columns, would)]
        yield ["all so far", *(_total(column, view.mail) for column in columns)]

    # There are three roles at most.
    return _table("MAIL per second", columns, rows(), max(most, 7)) if view.mail else None


def refusals(view: View, most: int) -> Table | None:
    """Who refuses?"""
    columns = ("envelopes", "recipients", "clients")
    rows = ([f"{name} {done}", *_rates(columns, counts)] for (name, done), counts in view.refusals.items())
    return _table("REFUSED BY, per second", columns, rows, most) if view.refusals else None


def results(view: View, most: int) -> Table | None:
    """What do checks find?"""
    columns = _used(_RESULTS, view.results)
    rows = ([method, *_rates(columns, counts)] for method, counts in view.results.items())
    return _table("RESULTS per second", columns, rows, most) if view.results else None


def filters(view: View, most: int) -> Table | None:
    """What is slow?"""
    columns = ("calls/s", "mean", "p50", "p99", "fails/s", "held/s", "breaker")
    return _table("FILTERS", columns, map(_filter, view.filters), most) if view.filters else None


def _filter(each: FilterWork) -> Row:
    times = (words.time(value) for value in (each.timing.mean, each.timing.median, each.timing.p99))
    name, breaker = safe(each.name, BAD if each.open else ""), Text("open" if each.open else "", BAD)
    return [name, words.rate(each.timing.rate), *times, _alarming(each.failures), _alarming(each.held), breaker]


def dns(view: View, most: int) -> Table:
    """Is DNS well?"""
    each = view.dns
    failing = Text(words.part(each.failing), BAD if each.failing else "")
    times = (words.time(value) for value in (each.timing.mean, each.timing.median, each.timing.p99))
    row: Row = ["questions", words.rate(each.rate), words.part(each.cached), *times, failing]
    return _table("DNS", ("per second", "cached", "mean", "p50", "p99", "unanswered"), [row], most)


def limits(view: View, most: int) -> Table | None:
    """Is somebody being held back?"""
    columns = ("fullest", "keys nearly used up", "admitted/s", "over/s")
    return _table("LIMITS", columns, map(_limit, view.limits), most) if view.limits else None


def _limit(each: LimitUse) -> Row:
    fullest = Text(words.part(each.fullest), BAD if each.fullest >= 1 else "")
    over = Text(words.rate(each.over), WARNING if each.over.rate else "")
    return [each.name, fullest, words.whole(each.nearly), words.rate(each.admitted), over]


def stores(view: View, most: int) -> Table | None:
    """Does the store answer?"""
    rows = (
        [
            each.name,
            words.rate(each.timing.rate),
            words.time(each.timing.median),
            words.time(each.timing.p99),
            _alarming(Count(sum(count.rate for count in each.failures.values()))),
            Text("in use", BAD) if each.fallback else "",
        ]
        for each in view.stores
    )
    columns = ("asked/s", "p50", "p99", "fails/s", "fallback")
    return _table("STORE", columns, rows, most) if view.stores else None


def hottest(view: View, most: int) -> Table:
    """Who floods us?"""
    found = view.hottest
    title = f"HOTTEST KEYS in {found.place}"
    if not found.entries:
        return _table(title, (), [[safe(found.trouble or "nothing is counted", FAINT)]], most)
    rows = (
        [safe(entry.key), safe(entry.limit), Text(f"{entry.used:.0%}", BAD if entry.used >= 1 else "")]
        for entry in found.entries
    )
    return _table(title, ("limit", "used"), rows, most)


def noted(view: View, most: int) -> Table | None:
    """What else was met?"""
    rows = ([" ".join(names), words.rate(count), words.whole(count.total)] for names, count in view.noted.items())
    return _table("NOTED", ("per second", "so far"), rows, most) if view.noted else None


def processes(view: View, most: int) -> Table | None:
    """What does it cost?"""
    rows = (
        [
            each.name if each.heard is None else f"worker in slot {each.name}",
            words.memory(each.memory),
            words.part(each.cpu),
            "" if each.heard is None else f"{words.duration(each.heard)} ago",
        ]
        for each in view.processes
    )
    return _table("PROCESSES", ("memory", "CPU", "last heard of"), rows, most) if view.processes else None


Part = Callable[[View, int], Table | None]
"""Draws a part of the view, with so many rows at most; None if there is nothing to tell."""

LEFT: tuple[Part, ...] = (mail, refusals, filters, results)
RIGHT: tuple[Part, ...] = (dns, limits, hottest, stores, noted, processes)
NARROW: tuple[Part, ...] = (mail, refusals, filters, dns, limits, hottest, results, stores, noted, processes)
"""What an operator asks first stands first: the last may not be seen."""

_RESULTS = tuple(dict.fromkeys(("pass", "fail", "temperror", *AUTH_RESULTS)))


def _table(title: str, columns: Iterable[str], rows: Iterable[Row], most: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), expand=True, header_style="bold cyan")
    # Names give way before numbers do.
    table.add_column(safe(title), ratio=1, min_width=_NAME)
    for column in columns:
        table.add_column(safe(column), justify="right", no_wrap=True)
    rest = iter(rows)
    for row in islice(rest, most):
        table.add_row(*(cell if isinstance(cell, Text) else safe(cell) for cell in row))
    more = sum(1 for _ in rest)
    if more:
        table.add_row(safe(f"and {more} more", FAINT))
    return table


def _used(known: Iterable[str], *counted: Mapping[str, Mapping[str, Count]]) -> list[str]:
    """Return the columns that hold something, in the order in which they are known."""
    there = {word for table in counted for counts in table.values() for word, count in counts.items() if count.total}
    return [str(word) for word in known if word in there]


def _rates(columns: Iterable[str], counts: Mapping[str, Count]) -> list[Cell]:
    return [_rate(column, counts.get(column)) for column in columns]


def _rate(column: str, count: Count | None) -> Text:
    return Text(words.rate(count), _STYLES.get(column, "") if count and count.rate else FAINT)


def _total(column: str, counted: Mapping[str, Mapping[str, Count]]) -> Text:
    return Text(words.whole(sum(counts[column].total for counts in counted.values() if column in counts)), FAINT)


def _alarming(count: Count) -> Text:
    return Text(words.rate(count), BAD if count.rate else FAINT)
