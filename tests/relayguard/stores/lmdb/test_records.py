"""How counters lie in a file: everything comes back as it was, and what is not ours counts as nothing."""

from hypothesis import given
from hypothesis import strategies as st

from relayguard.stores.arithmetic import MEMBER, Distinct, Rate, State, Window, expires, is_over, used
from relayguard.stores.lmdb.records import MAX_KEY, counter_key, decode, due, encode, names

numbers = st.floats(-1e12, 1e12)
spans = st.floats(0.001, 1e9)
rates = st.builds(Rate, numbers, spans, numbers)
slots = st.lists(st.tuples(st.integers(-(2**40), 2**40), spans), max_size=25).map(tuple)
windows = st.builds(Window, slots, numbers, spans, spans)
members = st.lists(st.tuples(st.binary(min_size=8, max_size=8), numbers), max_size=20)
packed = members.map(lambda pairs: b"".join(MEMBER.pack(*pair) for pair in pairs))
distincts = st.builds(Distinct, packed, numbers, spans, spans)
states = st.one_of(rates, windows, distincts)
octets = st.binary(max_size=700).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


def is_due(value: bytes, now: float) -> bool:
    return bool(due([(b"key", value)], now))


@given(states)
def test_a_state_is_read_as_it_was_written(state: State) -> None:
    assert decode(encode(state)) == state


def test_a_rate_takes_25_octets_and_a_member_16() -> None:
    assert len(encode(Rate(1.0, 2.0, 3.0))) == 25
    few, more = (MEMBER.pack(b"abcdefgh", 1.0) * count for count in (1, 5))
    assert len(encode(Distinct(more, 1.0, 2.0, 3.0))) - len(encode(Distinct(few, 1.0, 2.0, 3.0))) == 64


@given(states.map(encode), st.binary(max_size=17), st.integers(0, 40))
def test_a_state_that_was_damaged_is_judged_all_the_same(value: bytes, damage: bytes, at: int) -> None:
    state = decode(value[:at] + damage + value[at + len(damage) :])
    if state is not None:
        is_over(state, 1e9)
        used(state, 1e9)


@given(st.binary(max_size=100))
def test_octets_that_are_no_state_count_as_none_and_do_not_raise(value: bytes) -> None:
    decode(value)
    is_due(value, 0.0)


def test_a_state_that_was_cut_or_is_of_another_layout_counts_as_none_and_is_due() -> None:
    value = encode(Rate(1e9, 2.0, 3.0))
    assert decode(value[:-1]) is None
    assert decode(b"") is None
    assert decode(b"\x09" + value[1:]) is None
    assert is_due(b"\x09" + value[1:], 5.0)
    assert is_due(b"", 5.0)


@given(states, numbers)
def test_every_state_that_is_over_is_due(state: State, now: float) -> None:
    assert is_due(encode(state), now) >= is_over(state, now)


@given(states)
def test_what_neither_ended_nor_was_changed_in_the_future_is_not_due(state: State) -> None:
    now = state.updated
    if expires(state) >= now:
        assert not is_due(encode(state), now)


@given(st.text("abc-", min_size=1, max_size=20), octets)
def test_a_key_fits_and_names_its_counter(limit: str, key: str) -> None:
    counter = counter_key(limit, key)
    assert len(counter) <= MAX_KEY
    shown = names(counter)
    assert shown[0] == limit
    assert counter_key(*shown) == counter
    if len(counter) < MAX_KEY:
        assert shown[1] == key


def test_keys_that_are_too_long_differ_though_they_begin_alike() -> None:
    first, second = counter_key("limit", "a" * 600 + "b"), counter_key("limit", "a" * 600 + "c")
    assert len(first) == len(second) == MAX_KEY
    assert first != second
    assert first.startswith(b"limit\0aaa")
