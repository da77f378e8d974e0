import pytest

from relayguard.daemon.slots import Slots


def test_the_lowest_free_slot_is_taken() -> None:
    slots = Slots()
    assert [slots.take() for _ in range(3)] == [0, 1, 2]


def test_a_slot_that_was_given_back_is_taken_again_before_a_new_one() -> None:
    slots = Slots()
    for _ in range(4):
        slots.take()
    slots.release(2)
    slots.release(1)
    assert [slots.take() for _ in range(3)] == [1, 2, 4]


def test_two_generations_never_hold_the_same_slot() -> None:
    slots = Slots()
    held: list[set[int]] = [{slots.take(), slots.take()}]
    for _ in range(5):
        held.append({slots.take(), slots.take()})
        assert not held[-1] & held[-2]
        assert held[-1] | held[-2] == {0, 1, 2, 3}
        for slot in held[-2]:
            slots.release(slot)


def test_a_slot_is_given_back_once() -> None:
    slots = Slots()
    slots.release(slots.take())
    with pytest.raises(KeyError):
        slots.release(0)
