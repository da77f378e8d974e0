import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import lies_under, to_a_labels
from relayguard.core.domain import _to_a_labels


@pytest.mark.parametrize(
    ("name", "a_labels"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("localhost", "localhost"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("m\u00fcnchen.example", "xn--mnchen-3ya.example"),
        (unicodedata.normalize("NFD", "m\u00fcnchen.example"), "xn--mnchen-3ya.example"),
        ("M\u00dcNCHEN\u3002example", "xn--mnchen-3ya.example"),
        ("_dmarc.m\u00fcnchen.example", "_dmarc.xn--mnchen-3ya.example"),
        ("legit\u0456mate.com", "xn--legitmate-z9h.com"),
        ("exam\u200bple.com", "example.com"),
    ],
)
def test_a_name_is_compared_in_lower_case_a_labels(name: str, a_labels: str) -> None:
    assert to_a_labels(name) == a_labels


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a..b",
        ".example.com",
        "example.com..",
        "-a.example",
        "a-.example",
        "a b.example",
        "legitimate.com(a.attack.com",
        "legitimate.com'a.attack.com",
        "legitimate.com%00.x",
        "legitimate.com\x00.x",
        "example.com\n",
        "[192.0.2.1]",
        "x" * 64 + ".example",
        "a." * 127 + "example",
        "\u00fc." * 60 + "example",
        "\u202ecom.example",
        "\u00fc(x.example",
        "\ud800\u00fc.example",
        "\u3002",
    ],
)
def test_what_is_no_domain_name_is_none(name: str) -> None:
    assert to_a_labels(name) is None


@given(st.text(max_size=300))
def test_whatever_comes_out_is_stable_and_safe_for_dns(name: str) -> None:
    found = to_a_labels(name)
    assert found is None or (found.isascii() and len(found) <= 253 and to_a_labels(found) == found)


@given(st.text(st.sampled_from("aZ0-_.\u212a\u3002 "), max_size=12) | st.integers(120, 130).map("ab".__mul__))
def test_a_plain_name_is_read_as_any_other(name: str) -> None:
    assert to_a_labels(name) == _to_a_labels(name.removesuffix("."))


def test_a_domain_lies_under_itself_and_its_parents_only() -> None:
    assert lies_under("example.com", "example.com")
    assert lies_under("a.b.example.com", "example.com")
    assert not lies_under("badexample.com", "example.com")
    assert not lies_under("example.com", "a.example.com")
