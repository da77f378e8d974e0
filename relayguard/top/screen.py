"""The screen: what is wrong first, then everything else, as much of it as there is room for."""

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from relayguard.core.text import printable
from relayguard.top import words
from relayguard.top.alarms import alarms
from relayguard.top.tables import BAD, FAINT, LEFT, NARROW, RIGHT, Part, safe
from relayguard.top.view import View

WIDE = 150
"""From so many columns on there are two of tables."""


ROWS, FEW = 8, 4
"""How many rows a table has at most, and where there is little room. How many more there are stands below them."""


class Fitted:
    """The first of `contents` that the terminal is high enough for, or the last, with a line that says how much is cut."""

    def __init__(self, *contents: RenderableType) -> None:
        self._contents = contents

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what there is room for."""
        room, free = options.max_height, options.update(height=None)
        lines: list[list[Segment]] = []
        for content in self._contents:
            lines = console.render_lines(content, free)
            if len(lines) <= room:
                break
        else:
            note = safe(f"{len(lines) - room + 1} more lines: make the terminal higher, or see --once", FAINT)
            lines[room - 1 :] = console.render_lines(note, free)
        yield from (segment for line in lines for segment in (*line, Segment.line()))


def frame(view: View, width: int, now: float, most: int = ROWS, *, tight: bool = False) -> Group:
    """Return the whole of `view`, for so many columns, as it is to be shown at `now` on the clock of `View.at`.

    No table has more than `most` rows; `tight` leaves no line empty.
    """
    wrong = [safe(f"! {line}", BAD) for line in alarms(view)]
    gap = [] if tight else [Text()]
    if width < WIDE:
        return Group(*_header(view, now), *wrong, *gap, *_column(view, NARROW, gap, most))
    grid = Table.grid(padding=(0, 4), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(*(Group(*_column(view, side, gap, most)) for side in (LEFT, RIGHT)))
    return Group(*_header(view, now), *wrong, *gap, grid)


def fitted(view: View, width: int, now: float, above: Iterable[RenderableType] = ()) -> Fitted:
    """Return as much of `view` below `above` as the terminal has room for."""
    return Fitted(
        Group(*above, frame(view, width, now)),
        Group(*above, frame(view, width, now, tight=True)),
        Group(*above, frame(view, width, now, FEW, tight=True)),
    )


def trouble(message: str) -> Text:
    """Return what is in the way of looking, over as many lines as it takes."""
    return Text(printable(message, 1000), BAD)


def _header(view: View, now: float) -> Iterator[Text]:
    workers = ", ".join(f"{number:.0f} {state}" for state, number in view.workers.items()) or "none"
    age = words.duration(max(now - view.at, 0.0))
    yield safe(f"relayguard {view.version} at {view.url}, {view.seconds:.1f} s up to {age} ago", "bold")
    yield safe(f"workers {workers}; generation {view.generation:.0f} serves for {words.duration(view.served)}")
    yield safe(f"connections {words.rate(view.connections)}/s, sessions {view.sessions:.0f}")


def _column(view: View, parts: Iterable[Part], gap: Iterable[Text], most: int) -> Iterator[RenderableType]:
    tables = (table for part in parts if (table := part(view, most)) is not None)
    for number, table in enumerate(tables):
        if number:
            yield from gap
        yield table
