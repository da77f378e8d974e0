import pytest

from relayguard import (
    AddHeader,
    AddRecipient,
    AuthResult,
    ChangeHeader,
    ChangeSender,
    Defer,
    DeleteHeader,
    DeleteRecipient,
    Discard,
    Header,
    Quarantine,
    Reject,
    ReplaceBody,
    Stage,
    Watch,
)
from relayguard.core.effects import is_legal


class Deaf:
    def feed(self, chunk: bytes, /) -> None:
        raise AssertionError


FIELD = Header("X", b" y")
EFFECTS: dict[str, object] = {
    "J": Reject(),
    "D": Defer(),
    "Q": Quarantine(),
    "X": Discard(),
    "A": AddHeader("X", "y"),
    "r": AddRecipient("a@example.com"),
    "d": DeleteRecipient("a@example.com"),
    "s": ChangeSender(""),
    "c": ChangeHeader(FIELD, "z"),
    "e": DeleteHeader(FIELD),
    "b": ReplaceBody(b""),
    "W": Watch(Deaf()),
    "R": AuthResult(),
}
LEGAL = [
    (Stage.CONNECT, "JD R"),
    (Stage.HELO, "JD R"),
    (Stage.MAIL_FROM, "JDQX Ards R"),
    (Stage.RCPT_TO, "JD Ards R"),
    (Stage.END_OF_HEADERS, "JDQX Ards ce W R"),
    (Stage.END_OF_MESSAGE, "JDQX Ards ce b R"),
    (Stage.OUTGOING, "A R"),
    (Stage.DECIDED, ""),
]


@pytest.mark.parametrize(("stage", "legal"), LEGAL)
def test_each_stage_takes_its_effects_and_no_others(stage: Stage, legal: str) -> None:
    assert {key for key, effect in EFFECTS.items() if is_legal(stage, effect)} == set(legal.replace(" ", ""))


def test_the_table_knows_every_stage() -> None:
    assert [stage for stage, _ in LEGAL] == list(Stage)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("thing", [None, "reject", 550, Reject, object(), FIELD])
def test_what_is_no_effect_is_legal_nowhere(stage: Stage, thing: object) -> None:
    assert not is_legal(stage, thing)
