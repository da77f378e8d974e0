import pytest

from relayguard import Defer, Quarantine, Reject
from relayguard_plugins.spoof.author import suspicion
from relayguard_plugins.spoof.policy import DEFAULT, Row, verdict_of
from relayguard_plugins.spoof.signals import Signal


def verdict(*signals: Signal) -> object:
    return verdict_of([suspicion(signal, "evidence") for signal in signals], DEFAULT)


@pytest.mark.parametrize(
    ("signals", "kind"),
    [
        ((), None),
        ((Signal.REPLY_ELSEWHERE,), None),
        ((Signal.NAME_PERSON,), None),
        ((Signal.NAME_ADDRESS, Signal.REPLY_ELSEWHERE, Signal.REPEATED_HEADER), None),
        ((Signal.NAME_PERSON, Signal.REPLY_ELSEWHERE), Quarantine),
        ((Signal.NAME_PERSON, Signal.NAME_DOMAIN), Quarantine),
        ((Signal.LOOKALIKE,), Quarantine),
        ((Signal.LOOKALIKE, Signal.NAME_PERSON), Reject),
        ((Signal.OWN_AUTHOR,), Reject),
        ((Signal.OWN_AUTHOR_LISTED,), None),
        ((Signal.NAME_INITIALS, Signal.REPLY_ELSEWHERE), None),
    ],
)
def test_by_default_names_and_domains_that_are_ours_weigh_most_and_two_signs_more_than_one(
    signals: tuple[Signal, ...], kind: type | None
) -> None:
    found = verdict(*signals)
    assert found is None if kind is None else isinstance(found, kind)


def test_the_answer_names_the_signals_for_whoever_wrote_an_honest_message() -> None:
    assert verdict(Signal.OWN_AUTHOR, Signal.LOOKALIKE) == Reject(
        text="Message looks like a forgery (own_author, lookalike)"
    )
    assert verdict(Signal.LOOKALIKE) == Quarantine(reason="looks like a forgery (lookalike)")


def test_of_several_rows_the_first_that_fits_holds() -> None:
    rows = (
        Row(action="nothing", signals=(Signal.LOOKALIKE, Signal.REPLY_ELSEWHERE)),
        Row(action="defer", signals=(Signal.LOOKALIKE,)),
    )
    one = suspicion(Signal.LOOKALIKE, "evidence")
    other = suspicion(Signal.REPLY_ELSEWHERE, "evidence")
    assert isinstance(verdict_of([one], rows), Defer)
    assert verdict_of([one, other], rows) is None


def test_a_row_names_signals_that_are_as_strong_as_it_says() -> None:
    row = Row(action="reject", signals=(Signal.REPLY_ELSEWHERE,), strength="medium")
    assert verdict_of([suspicion(Signal.REPLY_ELSEWHERE, "e"), suspicion(Signal.NAME_PERSON, "e")], (row,)) is None


def test_a_row_that_would_fit_nothing_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="count must be at least 1"):
        Row(action="reject", count=0)
