from relayguard import Stage, hookspecs
from relayguard.core.stages import BEFORE_ENVELOPE


def test_every_stage_is_a_hook_in_wire_order() -> None:
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "relayguard_spec")]
    assert hooks == [stage.value for stage in Stage]


def test_an_envelope_begins_after_helo() -> None:
    assert list(Stage)[: len(BEFORE_ENVELOPE)] == [Stage.CONNECT, Stage.HELO]
