import unicodedata
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard_plugins.spoof.likeness.skeleton import _PROTOTYPES, domain_skeleton, name_skeleton, skeleton

DIGRAPHS = set("\u01c4\u01c5\u01c6\u048b\u321d\ufba4\ufba5\ufbb0\ufbb1\ufe81\ufe82\ufef5\ufef6")
"""Unicode's own data leaves these unsettled: what their prototypes are decomposed into has prototypes again."""

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", ""),
        ("paypal", "paypal"),
        ("\u0440\u0430\u0443\u0440\u0430\u04cf", "paypal"),
        ("m", "rn"),
        ("1I|", "lll"),
        ("0", "O"),
        ("\u03bf\u043e", "oo"),
        ("\U0001d41a\uff41", "aa"),
        ("\u00e4", "a\u0308"),
        ("\u00f8", "o\u0338"),
        ("\u2170\u217f", "irn"),
        ("exam\u200b\u00adple\U000e0041", "exarnple"),
        ("\ufdfa", "\u0635\u0644\u0649 l\u0644\u0644o \u0639\u0644\u0649o \u0648\u0633\u0644\u0645"),
        ("\U0010ffff\ud800", "\U0010ffff\ud800"),
    ],
)
def test_a_text_is_reduced_to_what_is_seen_of_it(text: str, seen: str) -> None:
    assert skeleton(text) == seen


def test_a_skeleton_is_a_skeleton_already() -> None:
    unsettled = {chr(code) for code in _PROTOTYPES if skeleton(skeleton(chr(code))) != skeleton(chr(code))}
    assert unsettled <= DIGRAPHS


@given(any_text)
def test_a_skeleton_of_any_text_is_a_skeleton_already(text: str) -> None:
    settled = "".join(char for char in text if not DIGRAPHS & set(unicodedata.normalize("NFD", char)))
    assert skeleton(skeleton(settled)) == skeleton(settled)


@given(any_text)
def test_composed_and_decomposed_text_look_the_same(text: str) -> None:
    assert skeleton(unicodedata.normalize("NFC", text)) == skeleton(unicodedata.normalize("NFD", text))


@given(any_text)
def test_no_text_grows_without_bound(text: str) -> None:
    longest = max(len(str(prototype)) for prototype in _PROTOTYPES.values())
    assert len(skeleton(text)) <= longest * len(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    "name",
    [
        "examp1e",
        "exarnple",
        "3xample",
        "EXAMPLE",
        "ex\u00e4mple",
        "exa\u0301mple",
        "\u0435\u0445ample",
        "exa\u217fple",
    ],
)
def test_what_looks_like_a_domain_has_its_skeleton(name: str) -> None:
    assert domain_skeleton(name) == domain_skeleton("example")


@pytest.mark.parametrize(
    ("one", "other"), [("vvidget", "widget"), ("clover", "dover"), ("5t0re", "store"), ("4cme7", "acmet")]
)
def test_pairs_of_letters_and_digits_look_like_a_letter(one: str, other: str) -> None:
    assert domain_skeleton(one) == domain_skeleton(other)


@given(st.text(st.characters(codec="ascii"), max_size=70))
def test_plain_names_look_the_same_whichever_way_they_are_read(name: str) -> None:
    hostname = "".join(filter(str.isalnum, name))
    assert domain_skeleton(hostname) == domain_skeleton(hostname + "\u0301")
    assert name_skeleton(hostname) == name_skeleton(hostname + "\u0301")


@pytest.mark.parametrize(
    "name",
    ["William", "WILLIAM", "WiIliam", "W1lliam", "Wi||iam", "W\u0131lliam", "\uff37illi\u0430m", "W\u00edlli\u00e0m"],
)
def test_the_name_of_a_person_is_seen_through_case_accents_and_other_scripts(name: str) -> None:
    assert name_skeleton(name) == name_skeleton("William")


def test_the_data_says_which_unicode_it_is_of_and_under_which_licence() -> None:
    folder = files("relayguard_plugins.spoof.likeness")
    for name in ("confusables.txt", "scripts.txt"):
        assert "Unicode 17.0.0" in folder.joinpath(name).read_text("ascii")
        assert "SPDX-License-Identifier: Unicode-3.0" in folder.joinpath(name).read_text("ascii")
    assert folder.joinpath("LICENSE.unicode").read_text("utf-8").startswith("UNICODE LICENSE V3")
