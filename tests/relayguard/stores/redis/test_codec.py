import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard.core.limits import Standing
from relayguard.stores.arithmetic import MEMBER, Distinct, Rate, Window
from relayguard.stores.backend import StoreError
from relayguard.stores.redis.codec import KeyNames, distinct_of, scanned, seconds_of, standings, state_of

KEYS = st.binary(max_size=400).map(lambda octets: octets.decode("utf-8", "surrogateescape"))


@given(st.text("ab:%A3{}", max_size=8), KEYS)
def test_a_name_shows_the_limit_and_a_key_that_names_the_same_counter(limit: str, key: str) -> None:
    names = KeyNames("relayguard")
    name = names.name(limit, key)
    assert name.startswith(b"{relayguard}:")
    shown = names.shown(name)
    assert shown is not None
    assert shown[0] == limit
    assert names.name(*shown) == name
    if len(name) < 200:
        assert shown[1] == key


def test_long_keys_that_begin_alike_have_different_names() -> None:
    names = KeyNames("relayguard")
    assert names.name("limit", "k" * 1000 + "1") != names.name("limit", "k" * 1000 + "2")
    assert len(names.name("limit", "k" * 1000)) < 250


def test_names_of_others_are_not_shown() -> None:
    assert KeyNames("relayguard").shown(b"{other}:limit:key") is None
    assert KeyNames("relayguard").shown(b"{relayguard}:limit") is None


@pytest.mark.parametrize("prefix", ["", "a}", "{", "a*", "a?", "[a]", "\\"])
def test_a_prefix_that_a_server_would_misread_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        KeyNames(prefix)


def test_an_answer_is_as_many_standings_as_there_were_charges() -> None:
    answer = b"1 0.5 2 0 0 1 0 inf"
    assert standings(answer, 2) == [
        Standing(admitted=True, used=0.5, left=2),
        Standing(admitted=False, used=1.0, left=0, retry_after=float("inf")),
    ]
    for count in (1, 3):
        with pytest.raises(StoreError):
            standings(answer, count)


@pytest.mark.parametrize("answer", [None, 1, [], b"1 0.5 x 0", b"1 \xff 1 0", b"1 0.5 nan 0"])
def test_an_answer_without_sense_is_told(answer: object) -> None:
    with pytest.raises(StoreError):
        standings(answer, 1)


def test_what_a_scan_and_the_clock_answer_is_read() -> None:
    assert scanned([b"7", [b"a", None, b"b"]]) == (b"7", [b"a", b"b"])
    assert seconds_of([b"1700000000", b"250000"]) == 1_700_000_000.25


@pytest.mark.parametrize("answer", [None, b"7", [b"7"], [b"7", None], [1, [b"a"]], [b"7", b"x"]])
def test_a_scan_or_a_clock_that_says_something_else_is_told(answer: object) -> None:
    for read in (scanned, seconds_of):
        with pytest.raises(StoreError):
            read(answer)


def test_states_are_read_as_they_were_written() -> None:
    assert state_of(b"rate 1.5 2 3") == Rate(1.5, 2.0, 3.0)
    assert state_of(b"window 1 2 3 4 5 6 6.25") == Window(((4, 5.0), (6, 6.25)), 1.0, 2.0, 3.0)
    scored = [b"distinct 9 60 5", b"-inf", b"00ff" * 4, b"7.5", b"01ff" * 4, b"9"]
    assert distinct_of(scored) == Distinct(
        MEMBER.pack(b"\0\xff" * 4, 7.5) + MEMBER.pack(b"\1\xff" * 4, 9.0), 9.0, 60.0, 5.0
    )


@given(st.binary(max_size=30) | st.lists(st.binary(max_size=30), max_size=5))
def test_what_is_no_state_is_none(stored: object) -> None:
    assert state_of(stored) is None if isinstance(stored, bytes) else distinct_of(stored) is None


@pytest.mark.parametrize(
    "text", [b"", b"rate 1 2", b"rate 1 2 3 4", b"window 1 2 3 4 5 x", b"window 1 2 3 4", b"distinct 1 2 3"]
)
def test_words_that_are_too_few_too_many_or_no_numbers_are_no_state(text: bytes) -> None:
    assert state_of(text) is None
