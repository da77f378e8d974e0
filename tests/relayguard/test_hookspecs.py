import inspect

import pytest

from relayguard import Stage, hookspecs

ARGUMENTS = {
    Stage.CONNECT: ["session"],
    Stage.HELO: ["session", "results"],
    Stage.MAIL_FROM: ["session", "envelope", "results"],
    Stage.RCPT_TO: ["session", "envelope", "recipient", "results"],
    Stage.END_OF_HEADERS: ["session", "envelope", "headers", "results"],
    Stage.END_OF_MESSAGE: ["session", "envelope", "headers", "body", "results"],
    Stage.OUTGOING: ["session", "envelope", "message", "results"],
    Stage.DECIDED: ["session", "envelope", "results", "decision"],
}


@pytest.mark.parametrize("stage", Stage)
def test_a_hook_offers_what_is_known_at_its_stage(stage: Stage) -> None:
    hook = getattr(hookspecs, stage.value)
    assert list(inspect.signature(hook).parameters) == ARGUMENTS[stage]


@pytest.mark.parametrize("stage", Stage)
def test_a_hook_says_when_it_fires(stage: Stage) -> None:
    assert (inspect.getdoc(getattr(hookspecs, stage.value)) or "").startswith("Fires ")
