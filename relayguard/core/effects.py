"""Effects: everything a filter may yield, and the table of which is legal at which stage."""

from dataclasses import dataclass
from typing import Protocol

from relayguard.core.edits import (
    AddHeader,
    AddRecipient,
    ChangeHeader,
    ChangeSender,
    DeleteHeader,
    DeleteRecipient,
    Edit,
    ReplaceBody,
)
from relayguard.core.results import Result
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Defer, Discard, Quarantine, Reject, Verdict


class Reader(Protocol):
    """What `Watch` wants: a filter's own object that is fed the body as it streams."""

    def feed(self, chunk: bytes, /) -> None:
        """Take the next chunk of the body; chunks come in order and may split anywhere."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Feed every chunk of the body to `reader`, which the filter reads again at `end_of_message`."""

    reader: Reader


Effect = Result | Verdict | Edit | Watch

_REFUSALS: frozenset[type] = frozenset({Reject, Defer})
_VERDICTS = _REFUSALS | {Quarantine, Discard}
# What needs no header of the message can be asked for as soon as there is an envelope.
_EARLY: frozenset[type] = frozenset({AddHeader, AddRecipient, DeleteRecipient, ChangeSender})
_HEADERS: frozenset[type] = frozenset({ChangeHeader, DeleteHeader})

LEGAL: dict[Stage, frozenset[type]] = {
    Stage.CONNECT: _REFUSALS,
    Stage.HELO: _REFUSALS,
    Stage.MAIL_FROM: _VERDICTS | _EARLY,
    Stage.RCPT_TO: _REFUSALS | _EARLY,
    Stage.END_OF_HEADERS: _VERDICTS | _EARLY | _HEADERS | {Watch},
    Stage.END_OF_MESSAGE: _VERDICTS | _EARLY | _HEADERS | {ReplaceBody},
    Stage.OUTGOING: frozenset({AddHeader}),
    Stage.DECIDED: frozenset(),
}
"""Besides results, which are legal everywhere but at `decided`."""


def is_legal(stage: Stage, effect: object) -> bool:
    """Tell whether a filter may yield `effect` at `stage`."""
    return (isinstance(effect, Result) and stage is not Stage.DECIDED) or type(effect) in LEGAL[stage]
