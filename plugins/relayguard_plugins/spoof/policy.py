"""What is done about signals: a table, of which the first row that fits holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from relayguard import Defer, Quarantine, Reject, Verdict
from relayguard_plugins.spoof.signals import Signal, Strength, Suspicion

Action = Literal["reject", "defer", "quarantine", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One ``[[filter.spoof.policy]]`` table: fits if `count` signals of at least `strength` are there, all of `signals` among them.

    `action` says what is then done.
    """

    action: Action
    signals: tuple[Signal, ...] = ()
    strength: Literal["weak", "medium", "strong"] = "weak"
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("count must be at least 1")

    def fits(self, found: Sequence[Suspicion]) -> bool:
        """Tell whether the row is about these signals."""
        least = Strength[self.strength.upper()]
        counted = [suspicion.signal for suspicion in found if suspicion.strength >= least]
        return len(counted) >= self.count and set(self.signals) <= set(counted)


DEFAULT: tuple[Row, ...] = (
    Row(action="reject", signals=(Signal.OWN_AUTHOR,)),
    Row(action="reject", signals=(Signal.LOOKALIKE, Signal.NAME_PERSON)),
    Row(action="quarantine", strength="strong"),
    Row(action="quarantine", strength="medium", count=2),
    Row(action="quarantine", signals=(Signal.NAME_PERSON, Signal.REPLY_ELSEWHERE)),
)
"""A name or a domain that is ours in strange hands is refused; two medium signs are held for a look."""


def verdict_of(found: Iterable[Suspicion], rows: Sequence[Row]) -> Verdict | None:
    """Return what is to be done about signals; None for nothing."""
    found = tuple(found)
    row = next((row for row in rows if found and row.fits(found)), None)
    if row is None or row.action == "nothing":
        return None
    # RFC 5321 §4.2: the text is for whoever wrote an honest message that looks like another's.
    names = ", ".join(dict.fromkeys(suspicion.signal.value for suspicion in found))
    if row.action == "quarantine":
        return Quarantine(reason=f"looks like a forgery ({names})")
    text = f"Message looks like a forgery ({names})"
    return Reject(text=text) if row.action == "reject" else Defer(text=text, enhanced="4.7.0")
