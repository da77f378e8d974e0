import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard.log.rendering import logfmt, message, render_json, render_logfmt

# Halves of surrogates among them: such are what bytes become that are no UTF-8.
hostile = st.one_of(st.text(st.characters()), st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
_PAIR = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]+)(?: |\Z)')


def read_logfmt(line: str) -> dict[str, str]:
    """Read a line back; whatever is not a pair in it fails."""
    found, position = {}, 0
    while position < len(line):
        matched = _PAIR.match(line, position)
        assert matched is not None, line[position:]
        assert matched[1] not in found
        found[matched[1]] = json.loads(matched[2]) if matched[2].startswith('"') else matched[2]
        position = matched.end()
    return found


def event(**fields: object) -> dict[str, object]:
    return {**fields, "event": "envelope", "level": "info", "timestamp": "T"}


@given(hostile, hostile)
def test_whatever_a_message_holds_its_line_of_logfmt_is_printable_and_has_the_same_fields(a: str, b: str) -> None:
    line = render_logfmt(None, "info", event(sender=a, results=[b]))
    assert re.fullmatch(r"[ -~]*", line)
    read = {"timestamp": "T", "level": "info", "event": "envelope", "sender": a, "results": b}
    assert read_logfmt(line) == read


@given(hostile, hostile)
def test_whatever_a_message_holds_its_line_of_json_is_printable_and_has_the_same_fields(a: str, b: str) -> None:
    line = render_json(None, "info", event(sender=a, results=[b]))
    assert re.fullmatch(r"[ -~]*", line)
    # Two halves that stand beside each other are one character to whoever reads them.
    whole = json.loads(json.dumps([a, b]))
    assert json.loads(line) == event(sender=whole[0], results=[whole[1]])


def test_a_line_for_people_begins_with_time_level_and_event_and_leaves_out_what_is_not() -> None:
    line = render_logfmt(None, "info", event(reply=None, recipients=2, sender="a b", refused=True))
    assert line == 'timestamp=T level=info event=envelope recipients=2 sender="a b" refused=true'


def test_a_message_for_people_begins_with_what_happened() -> None:
    assert message({"stage": "mail_from", "reply": None, "event": "filter failed"}) == "filter failed stage=mail_from"
    assert message({"event": "stopped"}) == "stopped"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", 'x=""'),
        ("a=b", 'x="a=b"'),
        ('"', r'x="\""'),
        (b"\n", r"""x="\"b'\\\\n'\"" """.rstrip()),
        ([], 'x=""'),
        (("spf=pass", "dkim=none"), 'x="spf=pass; dkim=none"'),
        ({"default": "inet:8891"}, r'x="{\"default\": \"inet:8891\"}"'),
        (0.5, "x=0.5"),
    ],
)
def test_a_value_for_people_is_quoted_where_it_could_be_mistaken(value: object, shown: str) -> None:
    assert logfmt({"x": value}) == shown
