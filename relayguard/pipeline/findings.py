"""What the filters found about one envelope, sorted by what becomes of it."""

from typing import cast

from relayguard.core.edits import Edit
from relayguard.core.effects import Reader, Watch
from relayguard.core.ledger import Ledger
from relayguard.core.results import Reported, Result, Results
from relayguard.core.verdicts import STRENGTH, Given, Verdict, strongest
from relayguard.pipeline.filters import Mode
from relayguard.pipeline.record import MAX_NOTES, HookRun


class Findings:
    """Results, verdicts, would-be verdicts, edits and readers of one envelope (or session)."""

    __slots__ = ("ledger", "notes", "readers", "reported", "results", "verdicts", "would_be")

    def __init__(self, inherited: "Findings | None" = None) -> None:
        self.results: Results = Results(inherited.results if inherited else ())
        self.reported: list[Reported] = list(inherited.reported) if inherited else []
        self.notes: list[str] = list(inherited.notes) if inherited else []
        # What refuses the session refuses each of its envelopes, should the MTA begin one all the same.
        self.verdicts: list[Given] = list(inherited.verdicts) if inherited else []
        self.would_be: list[Given] = list(inherited.would_be) if inherited else []
        self.ledger = Ledger()
        self.readers: list[tuple[str, Reader]] = []

    def for_recipient(self) -> "Findings":
        """Return findings that share all but the verdicts: those are for one recipient alone."""
        findings = Findings()
        findings.results = self.results
        findings.reported = self.reported
        findings.notes = self.notes
        findings.ledger = self.ledger
        return findings

    def since(self, before: "Findings") -> "Findings":
        """Return the verdicts and notes that were added to those of `before`, which these began with."""
        new = Findings()
        new.verdicts = self.verdicts[len(before.verdicts) :]
        new.would_be = self.would_be[len(before.would_be) :]
        new.notes = self.notes[len(before.notes) :]
        return new

    def take(self, run: HookRun) -> None:
        """Sort the effects of one hook call. In shadow mode verdicts and edits only would have been."""
        if not run.effects:
            return
        results: list[Result] = []
        for effect in run.effects:
            if isinstance(effect, Result):
                results.append(effect)
            elif isinstance(effect, Watch):
                self.readers.append((run.filter, effect.reader))
            elif type(effect) in STRENGTH:
                given = Given(run.filter, cast(Verdict, effect))
                (self.verdicts if run.mode is Mode.ENFORCE else self.would_be).append(given)
            elif run.mode is Mode.ENFORCE:
                self.ledger.add(cast(Edit, effect))
        self.results.add(results)
        self.reported += run.reported
        if run.notes and len(self.notes) < MAX_NOTES:
            self.notes += run.notes

    def standing(self) -> Given | None:
        """The verdict that holds so far."""
        return strongest(self.verdicts)

    def hypothetical(self) -> Given | None:
        """The verdict that would hold if every filter were enforced."""
        return strongest([*self.verdicts, *self.would_be])
