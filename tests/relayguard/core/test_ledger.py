from relayguard import (
    AddHeader,
    AddRecipient,
    ChangeHeader,
    ChangeSender,
    DeleteHeader,
    DeleteRecipient,
    Effect,
    Header,
    Headers,
    ReplaceBody,
)
from relayguard.core.edits import Edit
from relayguard.core.ledger import Ledger, SetHeader, field_value

EIGHT = Headers.of(*(("Authentication-Results", f" id{number}".encode()) for number in range(1, 9)))
MIXED = Headers.of(("A", b" 1"), ("B", b" 2"), ("a", b" 3"))


def ledger_of(*edits: Edit) -> Ledger:
    ledger = Ledger()
    for edit in edits:
        ledger.add(edit)
    return ledger


def pairs(headers: Headers) -> list[tuple[str, bytes]]:
    return [(header.name, header.value) for header in headers]


def test_deletions_go_from_the_highest_index_down() -> None:
    # AR-02, CVE-2022-48521: ours at 1, 3, 5 and 8.
    ledger = ledger_of(*(DeleteHeader(EIGHT[index]) for index in (0, 2, 4, 7)))
    assert [step.occurrence for step in ledger.plan(EIGHT) if isinstance(step, SetHeader)] == [8, 5, 3, 1]
    assert [field.text for field in ledger.preview(EIGHT)] == ["id2", "id4", "id6", "id7"]


def test_the_later_of_two_changes_holds() -> None:
    ledger = ledger_of(ChangeHeader(MIXED[2], "x"), ChangeHeader(MIXED[2], "y"))
    assert ledger.plan(MIXED) == (SetHeader("a", 2, "y"),)


def test_a_deletion_beats_a_change_before_and_after_it() -> None:
    for edits in (
        (ChangeHeader(MIXED[0], "x"), DeleteHeader(MIXED[0])),
        (DeleteHeader(MIXED[0]), ChangeHeader(MIXED[0], "x")),
    ):
        assert ledger_of(*edits).plan(MIXED) == (SetHeader("A", 1, None),)


def test_fields_are_added_after_all_others_were_counted() -> None:
    added = AddHeader("A", "new")
    plan = ledger_of(added, ReplaceBody(b"x"), DeleteHeader(MIXED[0]), AddRecipient("r@x")).plan(MIXED)
    assert plan == (SetHeader("A", 1, None), ReplaceBody(b"x"), added, AddRecipient("r@x"))


def test_the_envelope_is_edited_in_the_order_of_the_filters() -> None:
    edits: tuple[Edit, ...] = (AddRecipient("r@x"), ChangeSender(""), DeleteRecipient("r@x"))
    assert ledger_of(*edits).plan(MIXED) == edits


def test_the_last_body_holds() -> None:
    assert ledger_of(ReplaceBody(b"one"), ReplaceBody(b"two")).body() == b"two"
    assert ledger_of().body() is None


def test_the_preview_shows_the_message_as_it_will_leave() -> None:
    ledger = ledger_of(
        AddHeader("Top", "1"),
        AddHeader("Bottom", "1", at_top=False),
        ChangeHeader(MIXED[1], "two\n folded"),
        DeleteHeader(MIXED[0]),
        AddHeader("Top", "2"),
        AddHeader("Bottom", "2", at_top=False),
    )
    assert pairs(ledger.preview(MIXED)) == [
        ("Top", b" 2"),
        ("Top", b" 1"),
        ("B", b" two\r\n folded"),
        ("a", b" 3"),
        ("Bottom", b" 1"),
        ("Bottom", b" 2"),
    ]


def test_without_edits_nothing_is_planned_and_nothing_changes() -> None:
    ledger = ledger_of()
    assert not ledger
    assert ledger.plan(MIXED) == ()
    assert ledger.preview(MIXED) == MIXED


def test_two_fields_that_look_the_same_are_told_apart() -> None:
    same = Headers.of(("A", b" x"), ("A", b" x"))
    assert ledger_of(DeleteHeader(same[1])).plan(same) == (SetHeader("A", 2, None),)


def test_100_000_forged_fields_are_planned_in_one_go() -> None:
    many = Headers.of(*[("Authentication-Results", b" mx.example.com; spf=pass")] * 100_000)
    plan = ledger_of(*map(DeleteHeader, many)).plan(many)
    assert plan[0] == SetHeader("Authentication-Results", 100_000, None)
    assert plan[-1] == SetHeader("Authentication-Results", 1, None)


def test_a_value_goes_on_the_wire_with_a_space_and_crlf() -> None:
    assert field_value("a\n\tb\r\n \u00fc") == b" a\r\n\tb\r\n \xc3\xbc"


def test_an_edit_is_an_effect() -> None:
    effect: Effect = DeleteHeader(Header("X", b""))
    assert effect == DeleteHeader(Header("X", b""))
