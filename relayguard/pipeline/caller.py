"""Calls one hook of one filter where it belongs: on the event loop, or in a thread of its filter."""

import asyncio
from collections.abc import AsyncIterable, Iterable, Mapping
from itertools import takewhile
from typing import cast

from relayguard.core.effects import Effect
from relayguard.core.stages import Stage
from relayguard.pipeline.failures import DeadlineError, IllegalEffectError
from relayguard.pipeline.filters import Filter, HookKind
from relayguard.pipeline.hold import Watchdog
from relayguard.pipeline.threads import GivenUp, Threads


class Caller:
    """Calls the hook that `each` has at `stage`.

    A plain hook runs on the loop until it is caught holding it, and in threads from then on; that of a filter
    that says `blocking` runs there from the start.
    """

    __slots__ = ("_hook", "_in_threads", "_stage", "_threads", "_watchdog", "filter")

    def __init__(self, each: Filter, stage: Stage, threads: Threads, watchdog: Watchdog) -> None:
        self.filter = each
        self._stage = stage
        self._hook = each.hooks[stage]
        self._threads = threads
        self._watchdog = watchdog
        self._in_threads = each.blocking

    async def collect(self, facts: Mapping[str, object], deadline: float) -> tuple[Effect, ...]:
        """Return what the hook yields; raise what it raises, or DeadlineError."""
        arguments = [facts[name] for name in self._hook.arguments]
        if self._hook.kind is HookKind.PLAIN and not self._in_threads:
            started = self._watchdog.timer()
            try:
                return tuple(_effects(self._hook.function(*arguments)))
            finally:
                self._in_threads = self._watchdog.look(self.filter.name, self._stage, started, movable=True)
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                if self._hook.kind is HookKind.PLAIN:
                    return await self._threads.run(lambda given_up: self._exhaust(arguments, given_up))
                return await self._watchdog.drive(self.filter.name, self._stage, self._await(arguments))
        except TimeoutError as error:
            # One of the filter's own making says nothing of the stage's time.
            if not limit.expired():
                raise
            # Before Python 3.11.5 the cancellation is known only as its context.
            raise DeadlineError from error.__cause__ or error.__context__

    async def _await(self, arguments: list[object]) -> tuple[Effect, ...]:
        if self._hook.kind is HookKind.COROUTINE:
            return tuple(_effects(await self._hook.function(*arguments)))  # type: ignore[misc]  # kind_of looked
        stream = cast(AsyncIterable[Effect], self._hook.function(*arguments))
        return tuple([effect async for effect in stream])

    def _exhaust(self, arguments: list[object], given_up: GivenUp) -> tuple[Effect, ...]:
        """In a thread, and no further than somebody waits for it."""
        return tuple(takewhile(lambda _: not given_up(), _effects(self._hook.function(*arguments))))


def _effects(returned: object) -> Iterable[Effect]:
    if returned is None:
        return ()
    if not isinstance(returned, Iterable):
        raise IllegalEffectError(f"a hook yields effects; this one returned {repr(returned)[:200]}")
    return returned
