import dkim
import pytest

from bench.corpus import Message
from bench.keys import make_keys, pairs_of
from bench.larger import BODIES, FIELDS, RECIPIENTS, SIGNATURES, larger_messages
from bench.site import known_sites, records_of

KEYS = pairs_of(make_keys(2))
SMALL = BODIES[:3]

Sets = dict[str, Message]


@pytest.fixture(scope="module")
def sets() -> Sets:
    return {case.set: (case, raw) for case, raw in larger_messages(KEYS, SMALL)}


def test_a_message_has_as_much_as_its_set_says(sets: Sets) -> None:
    for count in SIGNATURES:
        assert sets[f"signatures-{count}"][1].count(b"DKIM-Signature:") == count
    for count in RECIPIENTS:
        assert sets[f"recipients-{count}"][0].recipient.count("@") == count
    for count in FIELDS:
        assert sets[f"fields-{count}"][1].count(b"\r\nX-Filler:") + 1 == count
    for size in SMALL[1:]:
        assert size - 100 < len(sets[f"body-{size}"][1]) < size + 1000


def test_every_signature_of_a_message_is_good(sets: Sets) -> None:
    texts = {f"{each.name}.": each.value for site in known_sites(KEYS) for each in records_of(site)}
    raw = sets["signatures-10"][1]
    for at in range(10):
        assert dkim.DKIM(raw).verify(at, lambda name, timeout: texts[name.decode()].replace('"', "").encode())


def test_no_message_is_larger_than_an_mta_takes() -> None:
    assert max(BODIES) + 2000 < 10_240_000
