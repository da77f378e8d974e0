from bench.hostile import hostile_messages
from bench.keys import make_keys, pairs_of
from bench.site import known_sites
from relayguard.core.message import split_message

LARGEST_PACKET = 65_535
LARGEST_MESSAGE = 10_240_000


def test_every_hostile_message_can_reach_a_milter() -> None:
    for case, raw in hostile_messages(known_sites(pairs_of(make_keys(2)))[0]):
        assert len(raw) <= LARGEST_MESSAGE, case.id
        fields, body = split_message(raw)
        assert body, case.id
        assert max(len(name) + len(value) + 2 for name, value in fields) < LARGEST_PACKET, case.id


def test_each_hostile_message_has_a_set_of_its_own() -> None:
    sets = [case.set for case, _ in hostile_messages(known_sites(pairs_of(make_keys(2)))[0])]
    assert len(sets) == len(set(sets))
