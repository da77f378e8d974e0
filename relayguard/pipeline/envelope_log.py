"""The log line of an envelope: everything needed to answer "why was this rejected?"."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from relayguard.core.decision import Decision, Outcome, decide
from relayguard.core.envelope import Envelope
from relayguard.core.results import Failure, Reported
from relayguard.core.stages import Stage
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Reject
from relayguard.log import Logger
from relayguard.pipeline.record import MAX_NOTE, EnvelopeRecord, HookRun, Observer, SessionJudged

HOLD_PAUSE_SECONDS = 60.0
"""A hook that holds the event loop again and again is told of once in so long; the metrics count every time."""


class EnvelopeLog(Observer):
    """Writes one line for each envelope, and one for each failure of a filter."""

    def __init__(self, logger: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._silent_until: dict[tuple[str, Stage], float] = {}

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        """Name the filter that failed, and where."""
        # An open breaker has been told of once; it must not fill the log.
        if run.failed is not None and run.failed.kind is not Failure.OPEN:
            self._logger.error(
                "filter failed",
                filter=run.filter,
                stage=run.stage.value,
                kind=run.failed.kind.value,
                error=printable(run.trace or "", 1000),
                queue_id=printable(envelope.queue_id or "", 64) if envelope else None,
            )

    def breaker_changed(self, filter_name: str, stage: Stage, *, is_open: bool) -> None:
        """Say that a filter is not called any more, or is again."""
        if is_open:
            self._logger.error("filter keeps failing and is not called", filter=filter_name, stage=stage.value)
        else:
            self._logger.info("filter works again and is called", filter=filter_name, stage=stage.value)

    def loop_held(self, filter_name: str, stage: Stage, seconds: float, *, moved: bool) -> None:
        """Name the filter that let all mail wait."""
        now = self._monotonic()
        if not moved and now < self._silent_until.get((filter_name, stage), now):
            return
        self._silent_until[filter_name, stage] = now + HOLD_PAUSE_SECONDS
        self._logger.warning(
            "filter held the event loop and runs in threads from now on" if moved else "filter held the event loop",
            filter=filter_name,
            stage=stage.value,
            milliseconds=round(seconds * 1000, 1),
        )

    def session_judged(self, judged: SessionJudged) -> None:
        """Write a line of its own: there is no envelope that could tell."""
        session, given = judged.session, judged.given or judged.would_be
        fields: dict[str, object] = {
            "stage": judged.stage.value,
            "listener": session.listener,
            "client": str(session.client_address) if session.client_address else None,
            "helo": printable(session.helo) or None,
            "filter": given.filter if given is not None else None,
            "reply": reply_of(decide(given)),
        }
        if judged.notes:
            fields["notes"] = _shown_notes(judged.notes)
        self._logger.info(
            "session refused" if judged.given else "session would be refused" if judged.would_be else "session noted",
            **fields,
        )

    def decided(self, record: EnvelopeRecord) -> None:
        """Write the envelope's line."""
        session, envelope = record.session, record.envelope
        fields: dict[str, object] = {
            "queue_id": printable(envelope.queue_id, 64) if envelope.queue_id else None,
            "role": envelope.role.value,
            "listener": session.listener,
            "client": str(session.client_address) if session.client_address else None,
            "helo": printable(session.helo),
            "sender": printable(envelope.sender.raw),
            "recipients": len(envelope.recipients),
            "size": record.size or None,
            "results": [shown(entry) for entry in record.reported],
            "decision": record.decision.outcome.value,
            "filter": record.decision.filter,
            "reply": reply_of(record.decision),
            "milliseconds": round(record.seconds * 1000, 1),
        }
        if record.notes:
            fields["notes"] = _shown_notes(record.notes)
        if record.would_be != record.decision:
            fields["would_be"] = record.would_be.outcome.value
            fields["would_be_filter"] = record.would_be.filter
            fields["would_be_reply"] = reply_of(record.would_be)
        if record.refused:
            fields["recipients_refused"] = len(record.refused)
        if record.would_refuse:
            fields["recipients_would_be_refused"] = len(record.would_refuse)
        if record.stripped:
            fields["headers_stripped"] = record.stripped
        self._logger.info("envelope", **fields)


def _shown_notes(notes: Sequence[str]) -> list[str]:
    return [printable(note, MAX_NOTE) for note in notes]


def shown(entry: Reported) -> str:
    """A result as people write it: ``spf=pass smtp.mailfrom=a@example.com``."""
    text = _written(entry)
    # Where all of it is printable, so is each part.
    return text if text == printable(text) else _written(_printable(entry))


def _written(entry: Reported) -> str:
    words = [f"{entry.method}={entry.value}"]
    if entry.comment:
        words.append(f"({entry.comment})")
    words += [f"{ptype}.{name}={value}" for ptype, name, value in entry.properties]
    if entry.reason:
        words.append(f"({entry.reason})")
    return " ".join(words)


def _printable(entry: Reported) -> Reported:
    return replace(
        entry,
        properties=tuple((ptype, name, printable(value)) for ptype, name, value in entry.properties),
        comment=printable(entry.comment or ""),
        reason=printable(entry.reason or ""),
    )


def reply_of(decision: Decision) -> str | None:
    """The SMTP reply, or the reason, of a decision; None if there was nothing to say."""
    verdict = decision.verdict
    if verdict is None or decision.outcome is Outcome.ACCEPTED:
        return None
    if isinstance(verdict, Reject | Defer):
        return f"{verdict.code} {verdict.enhanced} {' / '.join(verdict.lines())}"
    return printable(verdict.reason)
