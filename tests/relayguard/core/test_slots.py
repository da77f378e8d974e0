from relayguard import Slot, Slots


def test_two_slots_of_one_name_do_not_meet() -> None:
    mine: Slot[int] = Slot("count")
    yours: Slot[str] = Slot("count")
    slots = Slots()
    slots.put(mine, 3)
    assert slots.get(mine) == 3
    assert slots.get(yours) is None


def test_what_was_put_last_is_found() -> None:
    slot: Slot[list[str]] = Slot("names")
    slots = Slots()
    slots.put(slot, ["a"])
    slots.put(slot, ["b"])
    assert slots.get(slot) == ["b"]


def test_another_session_has_slots_of_its_own() -> None:
    slot: Slot[int] = Slot("count")
    Slots().put(slot, 1)
    assert Slots().get(slot) is None
    assert repr(slot) == "Slot('count')"
