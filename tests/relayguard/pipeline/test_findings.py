from relayguard import AddHeader, AuthResult, Defer, Effect, Reject, Reported, Stage, Watch
from relayguard.pipeline.filters import Mode
from relayguard.pipeline.findings import Findings
from relayguard.pipeline.record import HookRun


class Reader:
    def feed(self, chunk: bytes, /) -> None: ...


def run(*effects: Effect, name: str = "one", mode: Mode = Mode.ENFORCE) -> HookRun:
    return HookRun(
        stage=Stage.END_OF_HEADERS,
        filter=name,
        mode=mode,
        effects=effects,
        seconds=0.0,
        reported=(Reported("auth", "pass"),),
    )


READER = Reader()
EVERYTHING: tuple[Effect, ...] = (AuthResult(), Reject(), AddHeader("X", "y"), Watch(READER))


def test_effects_are_sorted_by_what_becomes_of_them() -> None:
    findings = Findings()
    findings.take(run(*EVERYTHING))
    assert list(findings.results) == [AuthResult()]
    assert findings.reported == [Reported("auth", "pass")]
    assert findings.readers == [("one", READER)]
    standing = findings.standing()
    assert standing is not None
    assert (standing.filter, standing.verdict) == ("one", Reject())
    assert bool(findings.ledger)


def test_in_shadow_mode_verdicts_and_edits_only_would_have_been() -> None:
    findings = Findings()
    findings.take(run(*EVERYTHING, mode=Mode.SHADOW))
    assert list(findings.results) == [AuthResult()]
    assert findings.readers == [("one", READER)]
    assert findings.standing() is None
    assert not findings.ledger
    hypothetical = findings.hypothetical()
    assert hypothetical is not None
    assert hypothetical.verdict == Reject()


def test_the_would_be_verdict_counts_the_enforced_ones_too() -> None:
    findings = Findings()
    findings.take(run(Reject(), name="enforced"))
    findings.take(run(Defer(), name="shadow", mode=Mode.SHADOW))
    hypothetical = findings.hypothetical()
    assert hypothetical is not None
    assert hypothetical.filter == "enforced"


def test_an_envelope_inherits_what_was_found_of_the_session_and_shares_nothing() -> None:
    session = Findings()
    session.take(run(AuthResult()))
    first, second = Findings(session), Findings(session)
    first.take(run(AuthResult(), Reject(), AddHeader("X", "y")))
    assert (len(session.results), len(first.results), len(second.results)) == (1, 2, 1)
    assert (len(session.reported), len(first.reported), len(second.reported)) == (1, 2, 1)
    assert second.standing() is None
    assert not second.ledger


def test_a_recipient_shares_all_but_the_verdicts() -> None:
    findings = Findings()
    recipient = findings.for_recipient()
    recipient.take(run(AuthResult(), Reject(), AddHeader("X", "y")))
    assert findings.standing() is None
    assert recipient.standing() is not None
    assert len(findings.results) == 1
    assert bool(findings.ledger)
