from relayguard.stores.usage import MAX_NEARLY, Usage


def test_the_fullest_key_and_those_nearly_used_up_are_told_once_and_forgotten() -> None:
    usage = Usage()
    for key, used in (("a", 0.5), ("b", 0.9), ("c", 0.8), ("b", 0.85)):
        usage.note("logins", key, used)
    usage.note("other", "a", 0.1)
    assert usage.take("logins") == (0.9, 2)
    assert usage.take("logins") == (0.0, 0)
    assert usage.take("other") == (0.1, 0)


def test_a_flood_of_keys_takes_no_more_room_than_it_may() -> None:
    usage = Usage()
    for number in range(MAX_NEARLY + 100):
        usage.note("logins", f"key{number}", 1.0)
    assert usage.take("logins") == (1.0, MAX_NEARLY)
