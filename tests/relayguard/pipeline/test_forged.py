import pytest

from relayguard import Headers
from relayguard.pipeline.forged import forged_fields, name_pattern

ID = "mx.example.com"
HEADERS = Headers.of(
    ("Received", b" from b.example"),
    ("X-Spam-Score", b" -10"),
    ("Authentication-Results", b" mx.example.com; dmarc=pass"),
    ("RECEIVED-SPF", b" pass"),
    ("Authentication-Results", b" b.example; dmarc=pass"),
    ("x-spam-flag", b" NO"),
    ("X-Spam", b" no"),
)


@pytest.mark.parametrize(
    ("names", "gone"),
    [
        ((), [2]),
        (("Received-SPF",), [2, 3]),
        (("X-Spam-*",), [1, 2, 5]),
        (("x-spam*", "received-spf"), [1, 2, 3, 5, 6]),
        (("X.Spam-*",), [2]),
    ],
)
def test_fields_that_pretend_to_be_ours_are_found_by_name(names: tuple[str, ...], gone: list[int]) -> None:
    forged, capped = forged_fields(HEADERS, ID, name_pattern(names), None)
    assert sorted(header.position for header in forged) == gone
    assert not capped


def test_the_search_ends_when_there_are_too_many() -> None:
    headers = Headers.of(*[("X-Spam-Score", b" 1")] * 300)
    assert len(forged_fields(headers, ID, name_pattern(["X-Spam-*"]), 200)[0]) == 201
