import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard_plugins.spoof.likeness.labels import to_u_labels


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("example.com", "example.com"),
        ("mail.xn--bcher-kva.example", "mail.b\u00fccher.example"),
        ("xn--80ak6aa92e.com", "\u0430\u0440\u0440\u04cf\u0435.com"),
        # No registry would take it, yet a client may show it.
        ("xn--example-.com", "example.com"),
        ("xn--\u00fc.com", "xn--\u00fc.com"),
        ("xn--99999999.com", "xn--99999999.com"),
        ("xn--" + "a" * 60 + ".com", "xn--" + "a" * 60 + ".com"),
        ("", ""),
    ],
)
def test_a_domain_is_shown_in_u_labels(name: str, shown: str) -> None:
    assert to_u_labels(name) == shown


@given(st.text(st.sampled_from("xn-.a9zb"), max_size=253) | st.text(max_size=100).map("xn--".__add__))
def test_no_label_breaks_it(name: str) -> None:
    to_u_labels(name)
