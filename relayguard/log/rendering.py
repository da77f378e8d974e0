"""An event as text: in JSON for programs, in logfmt for people. Whatever a value holds, it stays in its place."""

import json
import re
from collections.abc import Mapping

from structlog.typing import EventDict

# Made once: json.dumps makes one for each line. No field of ours holds itself. What it writes is printable ASCII:
# control characters, line separators of Unicode and halves of surrogates are escaped.
encode = json.JSONEncoder(default=repr, check_circular=False).encode

_is_bare = re.compile(r'[^\x00-\x20"=\\\x7f-\U0010ffff]+').fullmatch
_SEVERAL = (list, tuple)
_FIRST = ("timestamp", "level")


def render_json(_logger: object, _level: str, event: EventDict) -> str:
    """Return a line of JSON."""
    return encode(event)


def render_logfmt(_logger: object, _level: str, event: EventDict) -> str:
    """Return a line of logfmt that begins with what people look for first."""
    first = {key: event.pop(key) for key in _FIRST}
    return f"{logfmt(first)} event={_quoted(event.pop('event'))} {logfmt(event)}".rstrip()


def message(event: Mapping[str, object]) -> str:
    """Return what happened, and its fields, for a reader who has time and level before his eyes already."""
    name = str(event["event"])
    return f"{name} {logfmt({key: value for key, value in event.items() if key != 'event'})}".rstrip()


def logfmt(fields: Mapping[str, object]) -> str:
    """Return ``key=value key="a value"``; what is None is left out."""
    return " ".join([f"{key}={_quoted(_shown(value))}" for key, value in fields.items() if value is not None])


def text(value: object) -> str:
    """Return a string as it is, and anything else in JSON."""
    if isinstance(value, str):
        return value
    # The same, at a tenth of the cost.
    return str(value) if type(value) is int else encode(value)


def _shown(value: object) -> str:
    return "; ".join(map(text, value)) if isinstance(value, _SEVERAL) else text(value)


def _quoted(value: str) -> str:
    return value if _is_bare(value) else encode(value)
