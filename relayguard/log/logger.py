"""Makes the logger of a process: what it writes, where to, and what it leaves out."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from relayguard.log.floods import Floods, Limit
from relayguard.log.journal import SOCKET, Journal, is_journal
from relayguard.log.lines import Lines
from relayguard.log.rendering import render_json, render_logfmt

Logger = FilteringBoundLogger

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def make_logger(
    form: str,
    level: str,
    stream: TextIO | None = sys.stderr,
    *,
    floods: Floods | None = None,
    environ: Mapping[str, str] = os.environ,
    journal: str = SOCKET,
    **fields: object,
) -> Logger:
    """Return a logger that writes to `stream`, or to journald; it never raises, and waits for neither.

    `form` is ``json``, ``logfmt``, ``journald``, or ``auto``: what suits the reader of `stream`. With `floods`, lines
    of trouble that repeat are left out. `fields` stand in every line.
    """
    if form == "auto":
        form = _form_for(stream, environ)
    sink = Lines(stream)
    processors: list[Processor] = [_stamp, render_logfmt if form == "logfmt" else render_json]
    if form == "journald":
        processors.insert(0, Journal(journal))
    if floods is not None:
        processors.insert(0, Limit(floods, _wrapped(sink, processors.copy(), logging.DEBUG, fields)))
    return _wrapped(sink, processors, _LEVELS[level], fields)


def _form_for(stream: TextIO | None, environ: Mapping[str, str]) -> str:
    if stream is None:
        return "json"
    if is_journal(stream, environ.get("JOURNAL_STREAM")):
        return "journald"
    return "logfmt" if stream.isatty() else "json"


def _wrapped(sink: Lines, processors: Sequence[Processor], level: int, fields: Mapping[str, object]) -> Logger:
    wrapper = structlog.make_filtering_bound_logger(level)
    logger: Logger = structlog.wrap_logger(sink, processors=processors, wrapper_class=wrapper)
    return logger.bind(**fields)


def _stamp(_logger: object, level: str, event: EventDict) -> EventDict:
    event["level"] = level
    # In place of "+00:00".
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    return event
