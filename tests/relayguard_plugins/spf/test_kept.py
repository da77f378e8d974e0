from relayguard_plugins.spf.kept import Kept


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_value_is_kept_until_it_expires() -> None:
    watch = Stopwatch()
    kept: Kept[str, int] = Kept(10, watch)
    kept.put("a", 1, 110.0)
    watch.seconds = 109.9
    assert kept.get("a") == 1
    watch.seconds = 110.0
    assert kept.get("a") is None
    assert len(kept) == 0


def test_what_has_expired_already_is_not_kept_at_all() -> None:
    kept: Kept[str, int] = Kept(10, Stopwatch())
    kept.put("a", 1, 0.0)
    assert len(kept) == 0


def test_a_newer_value_takes_the_place_of_the_older() -> None:
    kept: Kept[str, int] = Kept(10, Stopwatch())
    kept.put("a", 1, 110.0)
    kept.put("a", 2, 120.0)
    assert (kept.get("a"), len(kept)) == (2, 1)


def test_what_nobody_has_wanted_for_longest_makes_room() -> None:
    kept: Kept[str, int] = Kept(2, Stopwatch())
    kept.put("a", 1, 200.0)
    kept.put("b", 2, 200.0)
    assert kept.get("a") == 1
    kept.put("c", 3, 200.0)
    assert [kept.get(key) for key in ("a", "b", "c")] == [1, None, 3]


def test_strangers_cannot_fill_the_memory() -> None:
    kept: Kept[int, int] = Kept(10, Stopwatch())
    for number in range(1000):
        kept.put(number, number, 200.0)
    assert len(kept) == 10
