from collections.abc import Iterator

import pytest
from rich.console import Console

from relayguard.top.scrape import Scrape, ScrapeError
from relayguard.top.watch import Watch, live, once
from tests.relayguard.top.conftest import HOTTEST, URL, Drawn, looks


class Played:
    """A daemon that answers as a test says, and one thing after the other."""

    url = URL

    def __init__(self, *answers: Scrape | ScrapeError) -> None:
        self._answers: Iterator[Scrape | ScrapeError] = iter(answers)

    def look(self) -> Scrape:
        answer = next(self._answers)
        if isinstance(answer, ScrapeError):
            raise answer
        return answer


def watch(*answers: Scrape | ScrapeError) -> Watch:
    return Watch(Played(*answers), lambda: HOTTEST, lambda: 115.0)


AWAY = ScrapeError(f"{URL}: no answer: Connection refused; does the daemon run?")
BEFORE, AFTER = looks()


def test_two_looks_make_a_view() -> None:
    watched = watch(BEFORE, AFTER)
    assert watched.look() is None
    view = watched.look()
    assert view is not None
    assert (view.connections.rate, view.hottest) == (3, HOTTEST)


def test_a_daemon_that_is_away_is_told_until_it_is_there(drawn: Drawn) -> None:
    watched = watch(AWAY, BEFORE, AFTER)
    shown = [" ".join(drawn(watched.screen(80)).split()) for _ in range(3)]
    assert shown[0] == f"{AWAY} Trying again."
    assert shown[1] == f"looking at {URL}"
    assert shown[2].startswith("relayguard 1.2")


def test_what_was_seen_last_stays_with_its_age_while_there_is_no_answer(drawn: Drawn) -> None:
    watched = watch(BEFORE, AFTER, AWAY, AFTER)
    _, _, away, again = (drawn(watched.screen(100), 100) for _ in range(4))
    assert away.startswith(str(AWAY))
    assert "10.0 s up to 5 s ago" in away
    # What came while nobody looked is no rate of the last two seconds.
    assert again.startswith("relayguard 1.2")
    assert "10.0 s up to 5 s ago" in again


def test_once_looks_twice_and_prints_one_screen() -> None:
    pauses: list[None] = []
    console = Console(width=100, color_system=None, force_terminal=False)
    with console.capture() as captured:
        once(console, watch(BEFORE, AFTER), lambda: pauses.append(None))
    assert len(pauses) == 1
    assert "connections 3.00/s" in captured.get()
    assert "PROCESSES" in captured.get()


@pytest.mark.parametrize("answers", [(AWAY,), (BEFORE, AWAY)])
def test_once_ends_where_there_is_no_answer(answers: tuple[Scrape | ScrapeError, ...]) -> None:
    with pytest.raises(ScrapeError):
        once(Console(), watch(*answers), lambda: None)


def test_a_live_screen_is_drawn_anew_after_each_pause_and_leaves_nothing_behind() -> None:
    pauses = iter((None, None))

    def pause() -> None:
        if next(pauses, "over") == "over":
            raise KeyboardInterrupt

    console = Console(width=80, height=24, force_terminal=True, no_color=True)
    with console.capture() as captured, pytest.raises(KeyboardInterrupt):
        live(console, watch(AWAY, BEFORE, AFTER), pause)
    text = captured.get()
    assert all(each in text for each in ("Trying again", "looking at", "connections 3.00/s"))
    entered, left = text.index("\x1b[?1049h"), text.index("\x1b[?1049l")
    assert entered < text.index("relayguard 1.2") < left
    assert text.index("\x1b[?25h") > text.index("relayguard 1.2")
