"""Calls the hooks of a stage, one filter after another, and keeps a broken filter from breaking mail."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from relayguard.core.edits import ChangeHeader, DeleteHeader
from relayguard.core.effects import Effect, is_legal
from relayguard.core.envelope import Envelope, Role
from relayguard.core.headers import Headers
from relayguard.core.results import Failed, Reported, Result
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Defer
from relayguard.pipeline.breaker import Breaker
from relayguard.pipeline.caller import Caller
from relayguard.pipeline.failures import IllegalEffectError, NotCalledError, describe, kind_of
from relayguard.pipeline.filters import Filter, OnFailure
from relayguard.pipeline.findings import Findings
from relayguard.pipeline.hold import HOLD_SECONDS, Watchdog
from relayguard.pipeline.record import MAX_NOTE, HookRun, Observer
from relayguard.pipeline.threads import Threads

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
"""Seconds that the hooks of a stage share if they wait, on the loop or in threads; one not done by then has failed."""

_GRACE = 2.0
"""Seconds that each of them has, however late it is called."""


class Dispatcher:
    """Runs the hooks of one listener's filters."""

    def __init__(
        self,
        filters: Iterable[Filter],
        observer: Observer,
        budgets: Mapping[Stage, float] = BUDGETS,
        timer: Callable[[], float] = time.perf_counter,
        monotonic: Callable[[], float] = time.monotonic,
        hold: float = HOLD_SECONDS,
    ) -> None:
        self._observer = observer
        self._budgets = budgets
        self._timer = timer
        self._watchdog = Watchdog(observer, timer, hold)
        filters = tuple(filters)
        self._filters = {each.name: each for each in filters}
        threads = {each.name: Threads(each.name) for each in filters}
        self._callers = {
            stage: tuple(
                (Caller(each, stage, threads[each.name], self._watchdog), Breaker(monotonic=monotonic))
                for each in filters
                if stage in each.hooks
            )
            for stage in Stage
        }

    def has_hooks(self, stage: Stage) -> bool:
        """Tell whether any filter has a hook at `stage`."""
        return bool(self._callers[stage])

    async def run(
        self,
        stage: Stage,
        facts: Mapping[str, object],
        findings: Findings,
        role: Role | None = None,
        envelope: Envelope | None = None,
    ) -> None:
        """Call every hook of `stage` and sort what they yield into `findings`."""
        callers = self._callers[stage]
        if not callers:
            return
        began = self._timer()
        for caller, breaker in callers:
            started = self._timer()
            try:
                if not breaker.allows():
                    raise NotCalledError
                effects = caller.begin(facts, started)
                if not isinstance(effects, tuple):
                    effects = await caller.finish(effects, self._deadline(stage, began, started))
                reported, notes = _told(stage, effects, facts) if effects else _NOTHING
            # Whatever a filter raises is caught here: it costs its own findings, never the message.
            except _ANYTHING as error:
                if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                    raise
                run = self._failure(caller.filter, stage, role, error, self._timer() - started)
                changed = not isinstance(error, NotCalledError) and breaker.failed()
            else:
                seconds = self._timer() - started
                run = HookRun(stage, caller.filter.name, caller.modes[role], effects, seconds, reported, notes=notes)
                changed = breaker.succeeded()
            if changed:
                self._observer.breaker_changed(run.filter, stage, is_open=breaker.is_open)
            findings.take(run)
            self._observer.hook_ran(run, envelope)
        self._observer.stage_ran(stage, self._timer() - began)

    def feed(self, chunk: bytes, findings: Findings, envelope: Envelope) -> None:
        """Feed a chunk of the body to every reader; one that raises is fed no more."""
        for name, reader in tuple(findings.readers):
            started = self._timer()
            try:
                reader.feed(chunk)
            # As above: a reader is a filter's own code.
            except _ANYTHING as error:
                findings.readers = [item for item in findings.readers if item[1] is not reader]
                run = self._failure(self._filters[name], Stage.END_OF_HEADERS, envelope.role, error, 0.0)
                findings.take(run)
                self._observer.hook_ran(run, envelope)
            self._watchdog.look(name, Stage.END_OF_HEADERS, started)

    def _deadline(self, stage: Stage, began: float, started: float) -> float:
        # One for the whole stage: it is the MTA that waits, for all its hooks. But one that took it all must
        # not cost the later ones their findings.
        latest = max(began + self._budgets[stage], started + _GRACE)
        return asyncio.get_running_loop().time() + latest - self._timer()

    @staticmethod
    def _failure(each: Filter, stage: Stage, role: Role | None, error: BaseException, seconds: float) -> HookRun:
        failed = Failed(filter=each.name, stage=stage, kind=kind_of(error))
        defers = each.policy.on_failure is OnFailure.DEFER and stage is not Stage.DECIDED
        return HookRun(
            stage=stage,
            filter=each.name,
            mode=each.policy.mode(role),
            effects=(failed, _DEFERRED) if defers else (failed,),
            seconds=seconds,
            failed=failed,
            trace=describe(error),
        )


# A filter that calls sys.exit() must not take the daemon along, nor one that awaits what it has cancelled.
_ANYTHING = (Exception, SystemExit, asyncio.CancelledError)

_DEFERRED = Defer(text="A check could not be completed, please try again later", enhanced="4.3.0")


_OF_A_HEADER = (ChangeHeader, DeleteHeader)


_NOTHING: tuple[tuple[Reported, ...], tuple[str, ...]] = ((), ())


def _told(
    stage: Stage, effects: Iterable[Effect], facts: Mapping[str, object]
) -> tuple[tuple[Reported, ...], tuple[str, ...]]:
    """Check that `effects` are legal, and return what the results among them report, and what they note."""
    reported: list[Reported] = []
    notes: list[str] = []
    for effect in effects:
        if not is_legal(stage, effect):
            raise IllegalEffectError(f"{repr(effect)[:200]} is not legal at {stage}")
        if isinstance(effect, Result):
            entry: object = effect.reported()
            if isinstance(entry, Reported):
                reported.append(entry)
            elif entry is not None:
                raise IllegalEffectError("reported() must return Reported or None")
            note: object = effect.noted()
            if isinstance(note, str):
                # Of a stranger's sentence no more is kept than is shown.
                notes.append(note[:MAX_NOTE])
            elif note is not None:
                raise IllegalEffectError("noted() must return a str or None")
        elif isinstance(effect, _OF_A_HEADER):
            headers = cast(Headers | None, facts.get("headers"))
            # What the message does not hold cannot be counted when the edits are planned.
            if headers is None or effect.header not in headers:
                raise IllegalEffectError(f"{repr(effect.header)[:200]} is no field of this message")
    return tuple(reported), tuple(notes)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
