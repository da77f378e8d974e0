import pytest

from relayguard.core.headers import Headers
from relayguard.pipeline.forged import name_pattern
from relayguard.pipeline.visible import HEADER_BLOCK_BYTES, MAX_FIELDS, block_size, fields_of, visible_part

Pairs = list[tuple[str, bytes]]
MANY = [("X", b" y")] * MAX_FIELDS


def seen_of(pairs: Pairs) -> Headers:
    return visible_part(fields_of(pairs, None), len(pairs), block_size(pairs))


@pytest.mark.parametrize("more", [0, 1])
def test_five_thousand_fields_are_seen(more: int) -> None:
    pairs = [*MANY, *[("X", b" z")] * more]
    assert len(fields_of(pairs, None)) == MAX_FIELDS
    seen = seen_of(pairs)
    assert (len(seen), seen.complete) == (MAX_FIELDS, not more)


def test_of_what_comes_behind_them_only_what_may_be_stripped_is_kept_in_its_place() -> None:
    rest = [("X-Spam-Flag", b" NO"), ("AUTHENTICATION-RESULTS", b" mx; none"), ("X", b" z")]
    headers = fields_of([*MANY, *rest], name_pattern(["X-Spam-*"]))
    assert [(field.name, field.position - MAX_FIELDS) for field in headers[MAX_FIELDS:]] == [
        ("X-Spam-Flag", 0),
        ("AUTHENTICATION-RESULTS", 1),
    ]
    seen = seen_of([*MANY, *rest])
    assert len(seen) == MAX_FIELDS
    assert not seen.complete


def test_a_block_is_seen_up_to_256_kb() -> None:
    just: Pairs = [("X", b"x" * (HEADER_BLOCK_BYTES - 4))]
    assert (len(seen_of(just)), seen_of(just).complete) == (1, True)
    seen = seen_of([*just, ("Y", b"")])
    assert ([field.name for field in seen], seen.complete) == (["X"], False)


def test_the_size_of_a_block_is_that_of_its_lines() -> None:
    assert block_size([]) == 0
    assert block_size([("To", b" a"), ("X", b"")]) == len(b"To: a\r\nX:\r\n")
