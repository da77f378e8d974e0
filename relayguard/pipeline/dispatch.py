"""Calls the hooks of a stage, one filter after another, and keeps a broken filter from breaking mail."""

import asyncio
import os
import time
import traceback
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import cast

from relayguard.core.edits import ChangeHeader, DeleteHeader
from relayguard.core.effects import Effect, is_legal
from relayguard.core.envelope import Envelope, Role
from relayguard.core.headers import Headers
from relayguard.core.results import Failed, Failure, Reported, Result
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Defer
from relayguard.pipeline.breaker import Breaker
from relayguard.pipeline.filters import Filter, Hook, HookKind, OnFailure
from relayguard.pipeline.findings import Findings
from relayguard.pipeline.record import HookRun, Observer

BUDGETS: Mapping[Stage, float] = {
    # Postfix waits 30 s for a reply to a command (milter_command_timeout).
    Stage.CONNECT: 10.0,
    Stage.HELO: 10.0,
    Stage.MAIL_FROM: 10.0,
    Stage.RCPT_TO: 10.0,
    # And 300 s for the message (milter_content_timeout); mail that waits so long is a queue that grows.
    Stage.END_OF_HEADERS: 30.0,
    Stage.END_OF_MESSAGE: 30.0,
    Stage.OUTGOING: 30.0,
    Stage.DECIDED: 5.0,
}
"""Seconds that the asynchronous hooks of a stage share; one that is not done by then has failed."""

_GRACE = 2.0
"""Seconds that each of them has, however late it is called."""


class IllegalEffectError(Exception):
    """A filter yielded what it must not yield at this stage."""


class _NotCalledError(Exception):
    """The breaker is open."""

    def __init__(self) -> None:
        super().__init__("it kept failing, and is not called for a while")


class Dispatcher:
    """Runs the hooks of one listener's filters."""

    def __init__(
        self,
        filters: Iterable[Filter],
        observer: Observer,
        budgets: Mapping[Stage, float] = BUDGETS,
        timer: Callable[[], float] = time.perf_counter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observer = observer
        self._budgets = budgets
        self._timer = timer
        filters = tuple(filters)
        self._filters = {each.name: each for each in filters}
        self._breakers = {
            (each.name, stage): Breaker(monotonic=monotonic) for each in filters for stage in each.hooks
        }
        self._calls = {
            stage: tuple((each, each.hooks[stage]) for each in filters if stage in each.hooks) for stage in Stage
        }

    def has_hooks(self, stage: Stage) -> bool:
        """Tell whether any filter has a hook at `stage`."""
        return bool(self._calls[stage])

    async def run(
        self,
        stage: Stage,
        facts: Mapping[str, object],
        findings: Findings,
        role: Role | None = None,
        envelope: Envelope | None = None,
    ) -> None:
        """Call every hook of `stage` and sort what they yield into `findings`."""
        calls = self._calls[stage]
        if not calls:
            return
        # One deadline for the whole stage: it is the MTA that waits, for all of them.
        deadline = asyncio.get_running_loop().time() + self._budgets[stage]
        for each, hook in calls:
            # But a filter that took it all must not cost the later ones their findings.
            latest = max(deadline, asyncio.get_running_loop().time() + _GRACE)
            if self._breakers[each.name, stage].allows():
                run = await self._call(each, hook, stage, facts, role, latest)
                self._heed(run)
            else:
                run = self._failure(each, stage, role, _NotCalledError(), 0.0)
            findings.take(run)
            self._observer.hook_ran(run, envelope)

    def _heed(self, run: HookRun) -> None:
        breaker = self._breakers[run.filter, run.stage]
        changed = breaker.succeeded() if run.failed is None else breaker.failed()
        if changed:
            self._observer.breaker_changed(run.filter, run.stage, is_open=breaker.is_open)

    def feed(self, chunk: bytes, findings: Findings, envelope: Envelope) -> None:
        """Feed a chunk of the body to every reader; one that raises is fed no more."""
        for name, reader in tuple(findings.readers):
            try:
                reader.feed(chunk)
            # As below: a reader is a filter's own code.
            except _ANYTHING as error:
                findings.readers = [item for item in findings.readers if item[1] is not reader]
                run = self._failure(self._filters[name], Stage.END_OF_HEADERS, envelope.role, error, 0.0)
                findings.take(run)
                self._observer.hook_ran(run, envelope)

    async def _call(
        self,
        each: Filter,
        hook: Hook,
        stage: Stage,
        facts: Mapping[str, object],
        role: Role | None,
        deadline: float,
    ) -> HookRun:
        started = self._timer()
        try:
            arguments = [facts[name] for name in hook.arguments]
            effects = await _collect(hook, arguments, deadline)
            _check(stage, effects, facts)
            reported = _reported(effects)
        # Whatever a filter raises is caught here: it costs its own findings, never the message.
        except _ANYTHING as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            return self._failure(each, stage, role, error, self._timer() - started)
        return HookRun(
            stage=stage,
            filter=each.name,
            mode=each.policy.mode(role),
            effects=effects,
            seconds=self._timer() - started,
            reported=reported,
        )

    @staticmethod
    def _failure(each: Filter, stage: Stage, role: Role | None, error: BaseException, seconds: float) -> HookRun:
        failed = Failed(filter=each.name, stage=stage, kind=_kind(error))
        defers = each.policy.on_failure is OnFailure.DEFER and stage is not Stage.DECIDED
        return HookRun(
            stage=stage,
            filter=each.name,
            mode=each.policy.mode(role),
            effects=(failed, _DEFERRED) if defers else (failed,),
            seconds=seconds,
            failed=failed,
            trace=_trace(error),
        )


_ASYNCIO = os.path.dirname(asyncio.__file__)  # noqa: PTH120  # compared as text

# A filter that calls sys.exit() must not take the daemon along, nor one that awaits what it has cancelled.
_ANYTHING = (Exception, SystemExit, asyncio.CancelledError)

_DEFERRED = Defer(text="A check could not be completed, please try again later", enhanced="4.3.0")


async def _collect(hook: Hook, arguments: list[object], deadline: float) -> tuple[Effect, ...]:
    if hook.kind is HookKind.PLAIN:
        return _as_effects(hook.function(*arguments))
    async with asyncio.timeout_at(deadline) as limit:
        try:
            if hook.kind is HookKind.COROUTINE:
                return _as_effects(await hook.function(*arguments))  # type: ignore[misc]  # kind_of looked
            stream = cast(AsyncIterable[Effect], hook.function(*arguments))
            return tuple([effect async for effect in stream])
        except TimeoutError as error:
            if not limit.expired():
                raise RuntimeError("the filter raised TimeoutError") from error
            raise


def _check(stage: Stage, effects: Iterable[Effect], facts: Mapping[str, object]) -> None:
    headers = cast(Headers | None, facts.get("headers"))
    for effect in effects:
        if not is_legal(stage, effect):
            raise IllegalEffectError(f"{repr(effect)[:200]} is not legal at {stage}")
        # What the message does not hold cannot be counted when the edits are planned.
        if isinstance(effect, ChangeHeader | DeleteHeader) and (headers is None or effect.header not in headers):
            raise IllegalEffectError(f"{repr(effect.header)[:200]} is no field of this message")


def _reported(effects: Iterable[Effect]) -> tuple[Reported, ...]:
    entries = [effect.reported() for effect in effects if isinstance(effect, Result)]
    if not all(entry is None or isinstance(entry, Reported) for entry in entries):
        raise IllegalEffectError("reported() must return Reported or None")
    return tuple(entry for entry in entries if entry is not None)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _as_effects(returned: object) -> tuple[Effect, ...]:
    if returned is None:
        return ()
    if not isinstance(returned, Iterable):
        raise IllegalEffectError(f"a hook yields effects; this one returned {repr(returned)[:200]}")
    return tuple(returned)


_KINDS: tuple[tuple[type[BaseException], Failure], ...] = (
    (IllegalEffectError, Failure.ILLEGAL),
    (TimeoutError, Failure.TIMEOUT),
    (_NotCalledError, Failure.OPEN),
)


def _kind(error: BaseException) -> Failure:
    return next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), Failure.EXCEPTION)


def _trace(error: BaseException) -> str:
    """The filter's own frames, in one line: where it broke, without ours and asyncio's around it."""
    # What a deadline interrupted is told by the cancellation behind it; before Python 3.11.5 only as its context.
    behind = (error.__cause__ or error.__context__) if isinstance(error, TimeoutError) else None
    frames = traceback.extract_tb((behind or error).__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and not frame.filename.startswith(_ASYNCIO)][-4:]
    where = " > ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in own)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{what} ({where})" if where else what
