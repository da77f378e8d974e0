import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard_plugins.spoof.likeness.displayed import MAX_LENGTH, phrases_of


@pytest.mark.parametrize(
    ("name", "phrases"),
    [
        ("Jane Doe", [["jane", "doe"]]),
        ("Doe, Jane", [["doe"], ["jane"]]),
        ("Jane Doe (Acme)", [["jane", "doe"], ["acme"]]),
        ("Jane Doe - Acme", [["jane", "doe"], ["acme"]]),
        ("Jane Doe\u2014Acme", [["jane", "doe"], ["acme"]]),
        ("Jane Doe via Acme", [["jane", "doe"], ["acme"]]),
        ("Jane Doe | Acme", [["jane", "doe"], ["acme"]]),
        ("'Anne-Marie O\u2019Hara'", [["annemarle", "ohara"]]),
        ("jane.doe@acme.test", [["jane", "doe"], ["acme", "test"]]),
        ("Jane\u3000Doe\u200b \u2705", [["jane", "doe"]]),
        ("\uff08Jane\uff09", [["jane"]]),
        ("", []),
        (" ,;() - ", []),
    ],
)
def test_a_display_name_is_taken_apart(name: str, phrases: list[list[str]]) -> None:
    assert phrases_of(name) == phrases


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=400))
def test_no_display_name_breaks_it_or_has_empty_words(name: str) -> None:
    assert all(phrase and all(phrase) for phrase in phrases_of(name))


def test_only_the_beginning_of_a_long_name_is_read() -> None:
    assert phrases_of("a" * MAX_LENGTH + " Jane Doe") == [["a" * MAX_LENGTH]]
    assert sum(map(len, phrases_of("\ufdfa" * MAX_LENGTH)[0])) <= MAX_LENGTH
