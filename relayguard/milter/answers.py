"""What the native transport says to an MTA, as packets; libmilter says the same in its own words."""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from relayguard.core.edits import AddHeader, AddRecipient, ChangeSender, DeleteRecipient, ReplaceBody
from relayguard.core.ledger import SetHeader, Step
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Discard, Quarantine, Reject
from relayguard.milter.protocol import MAX_CHUNK, Action, Response, strings
from relayguard.pipeline.transaction import Ending

UNAVAILABLE = Defer(text="The mail filter is not available, please try again later", enhanced="4.3.0")
"""What the client gets where we have failed."""

_MAX_REASON = 480


def _packet(kind: Response, data: bytes = b"") -> bytes:
    return struct.pack("!I", len(data) + 1) + kind.value + data


CONTINUE = _packet(Response.CONTINUE)
PROGRESS = _packet(Response.PROGRESS)
SKIP = _packet(Response.SKIP)
_DISCARD = _packet(Response.DISCARD)


def answer(verdict: object) -> bytes:
    """Return the reply to a command: go on, unless `verdict` refuses."""
    if not isinstance(verdict, Reject | Defer):
        return CONTINUE
    # The MTA reads the text as a format. RFC 5321 §4.2.1: each line of several repeats the code.
    lines = [line.replace("%", "%%") for line in verdict.lines()]
    marks = ["-"] * (len(lines) - 1) + [" "]
    text = "\r\n".join(
        f"{verdict.code}{mark}{verdict.enhanced} {line}" for mark, line in zip(marks, lines, strict=True)
    )
    return _packet(Response.REPLY, strings(text.encode()))


def ending(end: Ending, *, leading_space: bool) -> bytes:
    """Return all that is said at the end of a message: the edits, and last the reply."""
    space = " " if leading_space else ""
    said = [_EDITS[type(step)](step, space) for step in end.steps]
    verdict = end.decision.verdict
    if isinstance(verdict, Quarantine):
        said.append(_packet(Response.QUARANTINE, strings(reason_of(verdict).encode())))
    said.append(_DISCARD if isinstance(verdict, Discard) else answer(verdict))
    return b"".join(said)


def _add_header(step: AddHeader, space: str) -> bytes:
    data = strings(step.name.encode(), folded(step.value, space).encode())
    if step.at_top:
        return _packet(Response.INSERT_HEADER, struct.pack("!I", 0) + data)
    return _packet(Response.ADD_HEADER, data)


def _set_header(step: SetHeader, space: str) -> bytes:
    # An empty value deletes the field, so one that is to be empty gets a space.
    value = "" if step.value is None else folded(step.value, space) or " "
    # A name is as it came: each of its octets is one character.
    data = strings(step.name.encode("latin-1"), value.encode())
    return _packet(Response.CHANGE_HEADER, struct.pack("!I", step.occurrence) + data)


def _replace_body(step: ReplaceBody, _space: str) -> bytes:
    body = step.body
    chunks = [body[start : start + MAX_CHUNK] for start in range(0, len(body), MAX_CHUNK)] or [b""]
    return b"".join(_packet(Response.REPLACE_BODY, chunk) for chunk in chunks)


def _addressed(kind: Response) -> Callable[[Any, str], bytes]:
    return lambda step, _space: _packet(kind, strings(f"<{step.address}>".encode()))


_EDITS: Mapping[type[Step], Callable[[Any, str], bytes]] = {
    AddHeader: _add_header,
    SetHeader: _set_header,
    ReplaceBody: _replace_body,
    AddRecipient: _addressed(Response.ADD_RECIPIENT),
    DeleteRecipient: _addressed(Response.DELETE_RECIPIENT),
    ChangeSender: _addressed(Response.CHANGE_SENDER),
}


_NEEDED: Mapping[type[Step], Action] = {
    AddHeader: Action.ADD_HEADERS,
    SetHeader: Action.CHANGE_HEADERS,
    ReplaceBody: Action.CHANGE_BODY,
    AddRecipient: Action.ADD_RECIPIENTS,
    DeleteRecipient: Action.DELETE_RECIPIENTS,
    ChangeSender: Action.CHANGE_SENDER,
}


def needed(end: Ending) -> int:
    """Return the actions that an MTA must have granted for this, as bits."""
    actions = Action.QUARANTINE if isinstance(end.decision.verdict, Quarantine) else Action(0)
    for step in end.steps:
        actions |= _NEEDED[type(step)]
    return int(actions)


def reason_of(verdict: Quarantine) -> str:
    """Return what the postmaster finds in the MTA's queue."""
    return printable(verdict.reason, _MAX_REASON) or "quarantined"


def folded(value: str, space: str) -> str:
    """Return a field's value as an MTA wants it: folds are bare line feeds, whatever the filter wrote."""
    return space + value.replace("\r\n", "\n")
