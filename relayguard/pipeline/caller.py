"""Calls one hook of one filter where it belongs: on the event loop, or in a thread of its filter."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import takewhile
from operator import itemgetter
from types import GeneratorType
from typing import Any

from relayguard.core.effects import Effect
from relayguard.core.envelope import Role
from relayguard.core.stages import Stage
from relayguard.pipeline.failures import DeadlineError, IllegalEffectError
from relayguard.pipeline.filters import Filter, HookKind, Mode
from relayguard.pipeline.hold import Watchdog
from relayguard.pipeline.threads import GivenUp, Threads

Effects = tuple[Effect, ...]
Arguments = tuple[object, ...]


class Caller:
    """Calls the hook that `each` has at `stage`; `modes` is the filter's mode for each role, and before it is known.

    A plain hook runs on the loop until it is caught holding it, and in threads from then on; that of a filter
    that says `blocking` runs there from the start.
    """

    __slots__ = ("_arguments", "_hook", "_in_threads", "_plain", "_stage", "_threads", "_watchdog", "filter", "modes")

    def __init__(self, each: Filter, stage: Stage, threads: Threads, watchdog: Watchdog) -> None:
        self.filter = each
        self.modes: Mapping[Role | None, Mode] = {role: each.policy.mode(role) for role in (None, *Role)}
        self._stage = stage
        self._hook = each.hooks[stage]
        self._arguments = _picker(self._hook.arguments)
        self._plain = self._hook.kind is HookKind.PLAIN
        self._threads = threads
        self._watchdog = watchdog
        self._in_threads = each.blocking

    def begin(self, facts: Mapping[str, object], started: float) -> Effects | Awaitable[Effects]:
        """Call the hook, and return what it yields, or raise what it raises; if it has to wait, the rest of it.

        `started` is what the watchdog's timer says. Most hooks never wait, and for those this is all.
        """
        arguments = self._arguments(facts)
        if self._plain:
            if self._in_threads:
                return self._threads.run(lambda given_up: self._exhaust(arguments, given_up))
            try:
                return tuple(_effects(self._hook.function(*arguments)))
            finally:
                self._in_threads = self._watchdog.look(self.filter.name, self._stage, started, movable=True)
        coroutine = self._await(arguments)
        try:
            awaited: object = coroutine.send(None)
        except StopIteration as done:
            effects: Effects = done.value
            return effects
        finally:
            self._watchdog.look(self.filter.name, self._stage, started)
        return self._watchdog.drive(self.filter.name, self._stage, coroutine, awaited)

    async def finish(self, rest: Awaitable[Effects], deadline: float) -> Effects:
        """Return what the hook yields after all; raise what it raises, or DeadlineError."""
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                return await rest
        except TimeoutError as error:
            # One of the filter's own making says nothing of the stage's time.
            if not limit.expired():
                raise
            # Before Python 3.11.5 the cancellation is known only as its context.
            raise DeadlineError from error.__cause__ or error.__context__

    async def _await(self, arguments: Arguments) -> Effects:
        if self._hook.kind is HookKind.COROUTINE:
            return tuple(_effects(await self._hook.function(*arguments)))  # type: ignore[misc]  # kind_of looked
        stream: Any = self._hook.function(*arguments)
        return tuple([effect async for effect in stream])

    def _exhaust(self, arguments: Arguments, given_up: GivenUp) -> Effects:
        """In a thread, and no further than somebody waits for it."""
        return tuple(takewhile(lambda _: not given_up(), _effects(self._hook.function(*arguments))))


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], Arguments]:
    """Return what picks the arguments called `names`; for several, `itemgetter` does so in one step."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda facts: tuple([facts[name] for name in names])


def _effects(returned: object) -> Iterable[Effect]:
    if returned is None:
        return ()
    if not isinstance(returned, _ITERABLE):
        raise IllegalEffectError(f"a hook yields effects; this one returned {repr(returned)[:200]}")
    return returned


# The usual case first: to tell whether something is Iterable is slow.
_ITERABLE = (GeneratorType, Iterable)
