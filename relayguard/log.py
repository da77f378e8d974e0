"""Structured logs on standard error: one line for each envelope, and one for each thing an operator must know."""

import json
import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

Logger = FilteringBoundLogger

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def make_logger(form: str, level: str, stream: TextIO = sys.stderr) -> Logger:
    """Return a logger that writes lines of JSON, or lines for people (``console``)."""
    # JSON escapes every control character by itself; people's lines are made safe by quoting.
    renderer: Processor = (
        _render_json
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    )
    logger: Logger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        cache_logger_on_first_use=True,
    )
    return logger


# Made once: json.dumps makes one for each line. No field of ours holds itself.
_encode = json.JSONEncoder(default=repr, check_circular=False).encode


def _render_json(_logger: Any, _level: str, event: EventDict) -> str:
    return _encode(event)
