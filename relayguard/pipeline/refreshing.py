"""Refreshes what filters look up in files: off the path of mail, and swapped whole."""

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from relayguard.core.text import printable
from relayguard.log import Logger
from relayguard.pipeline.filters import Filter
from relayguard.pipeline.record import Observer

Refresh = Callable[[], None]

# A filter that calls sys.exit() must not take the daemon along.
_ANYTHING = (Exception, SystemExit, asyncio.CancelledError)


async def keep_fresh(filters: Iterable[Filter], observer: Observer, logger: Logger) -> None:
    """Call each filter's `refresh` every `refresh_seconds`, in a thread, for ever. One that raises keeps what it has."""
    async with asyncio.TaskGroup() as group:
        for each in filters:
            refresh = getattr(each.instance, "refresh", None)
            if callable(refresh):
                group.create_task(_keep_fresh(each, cast(Refresh, refresh), observer, logger))


async def _keep_fresh(each: Filter, refresh: Refresh, observer: Observer, logger: Logger) -> None:
    while True:
        await asyncio.sleep(each.refresh_seconds)
        problem = await asyncio.to_thread(_problem_with, refresh)
        if problem is not None:
            observer.refresh_failed(each.name)
            logger.error(
                "filter could not refresh, and goes on with what it had",
                filter=each.name,
                error=printable(problem, 1000),
            )


def _problem_with(refresh: Refresh) -> str | None:
    """Call `refresh`; return what it raised as text, for not every exception comes through a thread."""
    try:
        refresh()
    # A stranger's code may raise anything, and so may what it raises.
    except _ANYTHING as error:
        try:
            return str(error) or type(error).__name__
        except _ANYTHING:
            return type(error).__name__
    return None
