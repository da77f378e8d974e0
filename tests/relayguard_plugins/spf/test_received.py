import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import AddHeader, Results, SpfIdentity, SpfResult, SpfValue
from relayguard.testing import a_session, an_envelope, collect, some_services
from relayguard_plugins.spf.received import ReceivedSpfFilter

PASSED = SpfResult(
    value=SpfValue.PASS, identity=SpfIdentity.MAIL_FROM, domain="example.org", identifier="a@example.org"
)


def written(
    result: SpfResult, sender: str = "a@example.org", client: str = "192.0.2.1", helo: str = "h.example"
) -> str:
    added = collect(
        ReceivedSpfFilter(some_services()).end_of_message(
            a_session(client, helo=helo), an_envelope(sender), Results([result])
        )
    )
    assert [type(effect) for effect in added] == [AddHeader]
    assert isinstance(added[0], AddHeader)
    return added[0].value


def test_a_field_says_who_was_checked_and_what_came_of_it() -> None:
    assert written(PASSED) == (
        'pass (mx.example.com: example.org)\n\tclient-ip=192.0.2.1;\n\tenvelope-from="a@example.org";\n\t'
        "helo=h.example;\n\treceiver=mx.example.com;\n\tidentity=mailfrom;"
    )


def test_a_problem_is_told() -> None:
    broken = SpfResult(
        value=SpfValue.PERMERROR, identity=SpfIdentity.HELO, domain="h.example", identifier="h.example", reason="two records"
    )  # fmt: skip
    value = written(broken, sender="", client="2001:db8::1")
    assert value.startswith("permerror (mx.example.com: h.example)")
    for part in ('client-ip="2001:db8::1"', 'envelope-from=""', "identity=helo", 'problem="two records"'):
        assert part in value


def test_what_a_relay_of_our_own_has_found_it_has_written_itself() -> None:
    relayed = SpfResult(
        value=SpfValue.PASS, identity=SpfIdentity.MAIL_FROM, domain="x", identifier="x", source="found by 192.0.2.7"
    )
    received = ReceivedSpfFilter(some_services())
    assert collect(received.end_of_message(a_session(), an_envelope(), Results([relayed]))) == []


# RFC 7208 §9.1, with the atoms of RFC 5322 §3.2.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_GRAMMAR = re.compile(
    r"[a-z]+ \([\x20-\x27\x2a-\x5b\x5d-\x7e]*\)(?:\n\t[a-z-]+=(?:" + _ATOM + r'|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*");)+'
)  # fmt: skip


@pytest.mark.parametrize("hostile", ['a"; identity=x', "a\r\nBcc: b", "(", "\\", "\u00fc", "x" * 5000])
def test_nothing_that_a_client_says_breaks_out_of_its_place(hostile: str) -> None:
    assert _GRAMMAR.fullmatch(written(PASSED, helo=hostile))


@given(st.text(max_size=100), st.text(max_size=100))
def test_every_field_is_as_the_standard_has_it(text: str, reason: str) -> None:
    result = SpfResult(
        value=SpfValue.PERMERROR, identity=SpfIdentity.HELO, domain=text, identifier=text, reason=reason
    )
    assert _GRAMMAR.fullmatch(written(result, sender="(" + text.encode("utf-8", "replace").decode(), helo=text))
