"""The record of what happened: log line, metrics and `relayguard explain` are all drawn from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from relayguard.core.decision import Decision
from relayguard.core.effects import Effect
from relayguard.core.envelope import Envelope
from relayguard.core.results import Failed, Reported, Results
from relayguard.core.session import Session
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Given
from relayguard.core.words import Word
from relayguard.pipeline.filters import Mode

MAX_NOTES = 10
MAX_NOTE = 400
"""So many notes of one envelope are kept, and so many characters of each."""


class HookRun(NamedTuple):
    """One call of one hook. `trace` tells where a failed hook broke; `seconds` is wall time.

    `reported` is what the results among the effects add to Authentication-Results, `notes` what they tell the log.
    """

    stage: Stage
    filter: str
    mode: Mode
    effects: tuple[Effect, ...]
    seconds: float
    reported: tuple[Reported, ...] = ()
    failed: Failed | None = None
    trace: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeRecord:
    """One envelope, ended. `would_be` is the decision had no filter been in shadow mode.

    `refused` lists the recipients that were refused one by one, `would_refuse` those that would have been, and
    were not, or not so. `stripped` counts removed headers, `size` octets; it is 0 where no filter wants the body,
    for then the MTA does not send it.
    """

    session: Session
    envelope: Envelope
    results: Results
    reported: tuple[Reported, ...]
    decision: Decision
    would_be: Decision
    refused: tuple[Given, ...]
    would_refuse: tuple[Given, ...]
    stripped: int
    size: int
    seconds: float
    authentication_results: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionJudged:
    """What filters said of a client at `stage`, connect or HELO: refused by `given`, or would have been, or noted."""

    session: Session
    stage: Stage
    given: Given | None
    would_be: Given | None
    notes: tuple[str, ...]


class MilterFailure(Word):
    """What went wrong between the MTA and us."""

    PROTOCOL = "protocol"
    """The MTA broke the protocol; the connection was ended."""

    COMMAND = "command"
    """We could not handle a command; the MTA was told to try again later."""

    CONNECTION = "connection"
    """We could not go on with the connection at all."""


class Observer:
    """Who wants to know. Called on the hot path: must not wait, must not raise.

    Who inherits from it writes only the methods that it has something to do in.
    """

    def connected(self, session: Session) -> None:
        """A client has connected."""

    def closed(self, session: Session) -> None:
        """The client has gone."""

    def began(self, envelope: Envelope) -> None:
        """An envelope has begun."""

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        """A hook has been called."""

    def stage_ran(self, stage: Stage, seconds: float) -> None:
        """All hooks of a stage have been called; so many seconds of wall time the MTA waited for it."""

    def milter_failed(self, failure: MilterFailure) -> None:
        """A conversation with the MTA went wrong."""

    def breaker_changed(self, filter_name: str, stage: Stage, *, is_open: bool) -> None:
        """A filter that keeps failing is not called any more at `stage`, or it is called again."""

    def loop_held(self, filter_name: str, stage: Stage, seconds: float, *, moved: bool) -> None:
        """A filter kept the event loop so long at `stage` that other mail felt it; `moved`: it runs in threads now."""

    def refresh_failed(self, filter_name: str) -> None:
        """A filter could not read anew what it looks up, and goes on with what it had."""

    def session_judged(self, judged: SessionJudged) -> None:
        """A client was refused before there was an envelope, or would have been, or was noted."""

    def decided(self, record: EnvelopeRecord) -> None:
        """An envelope has ended."""


class Observers(Observer):
    """Several observers as one."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def connected(self, session: Session) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.connected(session)

    def closed(self, session: Session) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.closed(session)

    def began(self, envelope: Envelope) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.began(envelope)

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.hook_ran(run, envelope)

    def stage_ran(self, stage: Stage, seconds: float) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.stage_ran(stage, seconds)

    def milter_failed(self, failure: MilterFailure) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.milter_failed(failure)

    def breaker_changed(self, filter_name: str, stage: Stage, *, is_open: bool) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.breaker_changed(filter_name, stage, is_open=is_open)

    def loop_held(self, filter_name: str, stage: Stage, seconds: float, *, moved: bool) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.loop_held(filter_name, stage, seconds, moved=moved)

    def refresh_failed(self, filter_name: str) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.refresh_failed(filter_name)

    def session_judged(self, judged: SessionJudged) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.session_judged(judged)

    def decided(self, record: EnvelopeRecord) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.decided(record)
