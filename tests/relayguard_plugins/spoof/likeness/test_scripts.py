import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard_plugins.spoof.likeness.scripts import mixed_scripts, scripts_of


@pytest.mark.parametrize(
    ("char", "scripts"),
    [
        ("a", {"Latn"}),
        ("\u0430", {"Cyrl"}),
        ("1", set()),
        ("-", set()),
        ("\u6f22", {"Hani", "Hanb", "Jpan", "Kore"}),
        ("\u3042", {"Hira", "Jpan"}),
        ("\u30a2", {"Kana", "Jpan"}),
        ("\ud55c", {"Hang", "Kore"}),
        ("\u3105", {"Bopo", "Hanb"}),
        ("\u30fc", {"Hira", "Kana", "Jpan"}),
        ("\ud800", {"Zzzz"}),
        ("\U0010ffff", {"Zzzz"}),
    ],
)
def test_a_character_has_its_scripts(char: str, scripts: set[str]) -> None:
    assert scripts_of(char) == scripts


@pytest.mark.parametrize(
    ("domain", "label"),
    [
        ("p\u0430ypal.com", "p\u0430ypal"),
        ("xn--pypal-4ve.com", "p\u0430ypal"),
        ("mail.P\u0430ypal.com", "p\u0430ypal"),
        ("\u30c6\u30b9\u30c8\ud55c.com", "\u30c6\u30b9\u30c8\ud55c"),
        ("\u0926\u0947\u0935ab.in", "\u0926\u0947\u0935ab"),
        ("abc.\u0435xample", "\u0435xample"),
    ],
)
def test_a_label_that_mixes_scripts_is_shown(domain: str, label: str) -> None:
    assert mixed_scripts(domain) == label


@pytest.mark.parametrize(
    ("domain", "label"),
    [
        ("xn--80ak6aa92e.com", "\u0430\u0440\u0440\u04cf\u0435"),
        ("\u0441\u0441\u0441\u0440.com", "\u0441\u0441\u0441\u0440"),
    ],
)
def test_a_label_in_another_script_that_looks_latin_throughout_is_shown(domain: str, label: str) -> None:
    assert mixed_scripts(domain) == label


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "m\u00fcnchen.de",
        "xn--mnchen-3ya.de",
        "fa\u00df.de",
        "l\u00b7l.cat",
        "\u0440\u043e\u0441\u0441\u0438\u044f.com",
        "\u0441\u0441\u0441\u0440.\u0440\u0444",
        "\u03b5\u03bb\u03bb\u03ac\u03b4\u03b1.gr",
        "\u65e5\u672c\u8a9e\u30c6\u30b9\u30c8abc.jp",
        "\u4e2d\u6587abc.cn",
        "\ud55c\uad6dabc.kr",
        "\u4f8b\u3048-1.jp",
        "xn--bad-punycode-\u0000.com",
        "xn--.com",
        "",
        ".",
        "\u0430b." * 200,
    ],
)
def test_honest_labels_and_what_is_no_domain_are_not_shown(domain: str) -> None:
    assert mixed_scripts(domain) is None


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=260))
def test_no_text_breaks_it(text: str) -> None:
    label = mixed_scripts(text)
    assert label is None or not label.isascii()
