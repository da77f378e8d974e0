import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.target import Target, pieces
from tests.fuzz.targets import TARGETS
from tests.fuzz.work import LARGEST, calls_of, families, filled

EVERY_TARGET = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
# What a warm cache or a collection of garbage adds.
SLACK = 500


@st.composite
def grown(draw: st.DrawFn, target: Target) -> bytes:
    """Bytes grown from the target's seeds by mutation, and from its tokens."""
    seeds = st.sampled_from(target.seeds)
    slices = st.builds(
        lambda seed, start, length: seed[start : start + length], seeds, st.integers(0, 600), st.integers(0, 99)
    )
    repeated = st.builds(lambda token, times: token * times, st.sampled_from(target.tokens), st.integers(1, 40))
    grafts = st.lists(st.sampled_from(target.tokens) | repeated | slices | st.binary(max_size=6), max_size=12)
    graft = b"".join(draw(grafts))
    if not draw(st.booleans()):
        return graft
    seed = draw(seeds)
    start, length = draw(st.integers(0, len(seed))), draw(st.integers(0, 20))
    return seed[:start] + graft + seed[start + length :]


@EVERY_TARGET
@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_honest_input_is_taken(target: Target, number: int) -> None:
    target.feed(target.seeds[number % len(target.seeds)])


@EVERY_TARGET
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_no_input_makes_a_parser_raise_or_contradict_itself(target: Target, data: st.DataObject) -> None:
    target.feed(data.draw(grown(target)))


@EVERY_TARGET
def test_twice_the_input_makes_no_more_than_twice_the_work(target: Target) -> None:
    size = (min(target.cap, LARGEST) - max(map(len, target.seeds))) // 2
    for opening, unit in families(target):
        once, twice = (calls_of(target, filled(opening, unit, each)) for each in (size, 2 * size))
        assert twice <= 2.5 * once + SLACK, (
            f"{opening[:40]!r} and {unit!r}: {once} calls, and {twice} for twice as much"
        )


@given(st.binary(max_size=2000))
def test_pieces_are_the_whole(whole: bytes) -> None:
    assert b"".join(pieces(whole)) == whole


def test_work_that_grows_with_the_square_would_be_noticed() -> None:
    def look_at_every_pair(given: bytes) -> None:
        for _ in given:
            for other in given:
                chr(other)

    quadratic = Target(name="pairs", check=look_at_every_pair, cap=4000, seeds=(b"a",), tokens=(b"a",))
    once, twice = (calls_of(quadratic, b"a" * size) for size in (200, 400))
    assert twice > 2.5 * once + SLACK
