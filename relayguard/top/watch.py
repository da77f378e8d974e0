"""Looks at a daemon, once or for as long as somebody watches."""

import time
from collections.abc import Callable
from typing import NoReturn, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live

from relayguard.top.rates import Interval
from relayguard.top.scrape import Scrape, ScrapeError
from relayguard.top.screen import fitted, frame, trouble
from relayguard.top.tables import safe
from relayguard.top.view import Hottest, View, view_of


class Source(Protocol):
    """Where numbers come from; see `Scraper`."""

    url: str

    def look(self) -> Scrape:
        """Return what /metrics says now; raises ScrapeError."""


class Watch:
    """Asks `source` and `hottest`, and keeps what it has seen while there is no answer."""

    def __init__(
        self, source: Source, hottest: Callable[[], Hottest], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._hottest = hottest
        self._clock = clock
        self._last: Scrape | None = None
        self._view: View | None = None

    def look(self) -> View | None:
        """Look anew, and return what happened since the last look, if there was one; raises ScrapeError."""
        before, self._last = self._last, None
        after = self._last = self._source.look()
        if before is not None:
            self._view = view_of(self._source.url, Interval(before, after), self._hottest())
        return self._view

    def screen(self, width: int) -> RenderableType:
        """Look anew, and return what there is to see, be it of an earlier look."""
        wrong: list[RenderableType] = []
        try:
            self.look()
        except ScrapeError as error:
            wrong = [trouble(f"{error} Trying again.")]
        if self._view is None:
            return Group(*wrong) if wrong else safe(f"looking at {self._source.url}")
        return fitted(self._view, width, self._clock(), wrong)


def once(console: Console, watch: Watch, pause: Callable[[], None]) -> None:
    """Print what happens between two looks; raises ScrapeError."""
    watch.look()
    pause()
    view = watch.look()
    assert view is not None
    console.print(frame(view, console.width, view.at))


def live(console: Console, watch: Watch, pause: Callable[[], None]) -> NoReturn:
    """Show it anew after each pause, on a screen of its own, until somebody interrupts."""
    with Live(console=console, screen=True, auto_refresh=False) as shown:
        while True:
            shown.update(watch.screen(console.width), refresh=True)
            pause()
