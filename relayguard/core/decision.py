"""Decisions: how an envelope ended."""

from dataclasses import dataclass

from relayguard.core.verdicts import Defer, Discard, Given, Quarantine, Reject, Verdict
from relayguard.core.words import Word


class Outcome(Word):
    """How an envelope ended; every envelope ends in exactly one of these."""

    ACCEPTED = "accepted"
    """The MTA was told to go on with the message."""
    REJECTED = "rejected"
    """The client got a permanent refusal from us."""
    DEFERRED = "deferred"
    """The client was asked to try again."""
    QUARANTINED = "quarantined"
    """The MTA accepted the message and holds it."""
    DISCARDED = "discarded"
    """The MTA accepted the message and dropped it."""
    ABORTED = "aborted"
    """The client or the MTA gave the transaction up (RSET, a lost connection, a refusal by the MTA)."""
    FAILED = "failed"
    """Relayguard could not finish; the MTA applied its default action."""


OUTCOMES: dict[type[Verdict], Outcome] = {
    Reject: Outcome.REJECTED,
    Defer: Outcome.DEFERRED,
    Quarantine: Outcome.QUARANTINED,
    Discard: Outcome.DISCARDED,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What the MTA was told, by which filter's verdict (None if no filter objected)."""

    outcome: Outcome
    verdict: Verdict | None = None
    filter: str | None = None


def decide(given: Given | None) -> Decision:
    """Turn the verdict that holds into a decision."""
    if given is None:
        return Decision(Outcome.ACCEPTED)
    return Decision(OUTCOMES[type(given.verdict)], given.verdict, given.filter)
