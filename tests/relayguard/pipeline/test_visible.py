import pytest

from relayguard.pipeline.forged import name_pattern
from relayguard.pipeline.visible import HEADER_BLOCK_BYTES, MAX_FIELDS, fields_of, visible_part

MANY = [("X", b" y")] * MAX_FIELDS


@pytest.mark.parametrize("more", [0, 1])
def test_five_thousand_fields_are_seen(more: int) -> None:
    headers = fields_of([*MANY, *[("X", b" z")] * more], None)
    assert len(headers) == MAX_FIELDS
    seen = visible_part(headers, MAX_FIELDS + more)
    assert (len(seen), seen.complete) == (MAX_FIELDS, not more)


def test_of_what_comes_behind_them_only_what_may_be_stripped_is_kept_in_its_place() -> None:
    rest = [("X-Spam-Flag", b" NO"), ("AUTHENTICATION-RESULTS", b" mx; none"), ("X", b" z")]
    headers = fields_of([*MANY, *rest], name_pattern(["X-Spam-*"]))
    assert [(field.name, field.position - MAX_FIELDS) for field in headers[MAX_FIELDS:]] == [
        ("X-Spam-Flag", 0),
        ("AUTHENTICATION-RESULTS", 1),
    ]
    seen = visible_part(headers, MAX_FIELDS + 3)
    assert len(seen) == MAX_FIELDS
    assert not seen.complete


def test_a_block_is_seen_up_to_256_kb() -> None:
    just = fields_of([("X", b"x" * (HEADER_BLOCK_BYTES - 4))], None)
    assert visible_part(just, 1) is just
    over = fields_of([("X", b"x" * (HEADER_BLOCK_BYTES - 4)), ("Y", b"")], None)
    seen = visible_part(over, 2)
    assert ([field.name for field in seen], seen.complete) == (["X"], False)
