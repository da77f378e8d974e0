import asyncio

from relayguard.core.limits import Algorithm, Charge, Limit
from relayguard.stores.backend import Entry
from relayguard.stores.memory import MemoryBackend
from relayguard.testing import FrozenClock

LIMIT = Limit("logins", Algorithm.WINDOW, 10, 60.0)


def take(store: MemoryBackend, key: str, cost: int = 1) -> bool:
    return asyncio.run(store.take([Charge(LIMIT, key, cost)]))[0].admitted


def entries(store: MemoryBackend) -> list[Entry]:
    async def gather() -> list[Entry]:
        return [entry async for entry in store.entries()]

    return asyncio.run(gather())


def test_each_key_is_counted_by_itself() -> None:
    store = MemoryBackend()
    assert [take(store, key, 6) for key in ("a", "b", "a")] == [True, True, False]


def test_a_full_store_forgets_what_is_over_before_anything_else() -> None:
    clock = FrozenClock()
    store = MemoryBackend(max_keys=3, now=clock.now)
    take(store, "old")
    clock.advance(121)
    take(store, "a", 10)
    take(store, "b")
    take(store, "c")
    assert {entry.key for entry in entries(store)} == {"a", "b", "c"}
    assert not take(store, "a")


def test_to_look_counts_nothing() -> None:
    store = MemoryBackend()
    for _ in range(3):
        assert asyncio.run(store.look([Charge(LIMIT, "a", 6)]))[0].left == 4
    assert take(store, "a", 6)
    assert not asyncio.run(store.look([Charge(LIMIT, "a", 6)]))[0].admitted


def test_a_flood_of_keys_takes_no_more_room_than_it_may() -> None:
    store = MemoryBackend(max_keys=10)
    for number in range(100):
        take(store, f"key{number}")
    assert len(entries(store)) == 10


def test_counters_are_shown_until_they_say_nothing_any_more() -> None:
    clock = FrozenClock()
    store = MemoryBackend(now=clock.now)
    take(store, "a", 5)
    assert entries(store) == [Entry("logins", "a", 0.5, clock.now() + 60.0)]
    clock.advance(121)
    assert entries(store) == []


def test_a_counter_can_be_forgotten() -> None:
    store = MemoryBackend()
    take(store, "a", 10)
    assert asyncio.run(store.forget("logins", "a"))
    assert not asyncio.run(store.forget("logins", "a"))
    assert take(store, "a")
