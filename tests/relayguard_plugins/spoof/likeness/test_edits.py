from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard_plugins.spoof.likeness.edits import Edit, edit_between, one_less

short_names = st.text("abc", max_size=7)


@pytest.mark.parametrize(
    ("one", "other", "edit"),
    [
        ("example", "exaample", Edit.DOUBLED),
        ("apple", "aple", Edit.DOUBLED),
        ("example", "examplee", Edit.DOUBLED),
        ("example", "exmaple", Edit.TRANSPOSED),
        ("example", "xeample", Edit.TRANSPOSED),
        ("example", "exampel", Edit.TRANSPOSED),
        ("example", "examples", Edit.OTHER),
        ("example", "xample", Edit.OTHER),
        ("example", "exanple", Edit.OTHER),
        ("example", "exemplar", None),
        ("example", "example", None),
        ("example", "elpmaxe", None),
        ("example", "exampless", None),
        ("", "", None),
        ("", "a", Edit.OTHER),
    ],
)
def test_one_slip_of_the_pen_is_named(one: str, other: str, edit: Edit | None) -> None:
    assert edit_between(one, other) == edit
    assert edit_between(other, one) == edit


def edited(name: str) -> set[str]:
    places = range(len(name) + 1)
    less = {name[:place] + name[place + 1 :] for place in places}
    more = {name[:place] + letter + name[place:] for place, letter in product(places, "abc")}
    another = {name[:place] + letter + name[place + 1 :] for place, letter in product(places[:-1], "abc")}
    swapped = {name[:p] + name[p + 1 : p + 2] + name[p : p + 1] + name[p + 2 :] for p in places}
    return less | more | another | swapped


@given(short_names, short_names)
def test_two_names_are_one_edit_apart_if_an_edit_makes_one_of_the_other(one: str, other: str) -> None:
    assert (edit_between(one, other) is not None) == (one != other and other in edited(one))


@given(short_names, short_names)
def test_every_neighbour_is_found_by_what_is_left_of_it(one: str, other: str) -> None:
    if edit_between(one, other):
        assert {one, *one_less(one)} & {other, *one_less(other)}
