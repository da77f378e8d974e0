import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Reported, printable, read_results
from relayguard.authentication_results.render import render
from relayguard.core.edits import AddHeader

ID = "mx.example.com"
HOSTILE = st.text(alphabet='ab.@=/?-;:()"\\ \t\r\n\x00\x7f\u00fc\u202e') | st.text(max_size=300)
KEYWORD = st.from_regex(r"[a-z]([a-z0-9_-]{0,10}[a-z0-9])?", fullmatch=True)
REPORTED = st.builds(
    Reported,
    KEYWORD,
    KEYWORD,
    st.lists(st.tuples(KEYWORD, KEYWORD, HOSTILE), max_size=4).map(tuple),
    st.none() | HOSTILE,
    st.none() | HOSTILE,
)

# A reader of our own, straight from RFC 8601 §2.2, RFC 2045 §5.1 and RFC 5322 §3.2: it shares nothing with the writer.
TOKENS = re.compile(
    r'"(?P<quoted>(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*)"'
    r"|\((?P<comment>[\x20-\x27\x2a-\x5b\x5d-\x7e]*)\)"
    r"|(?P<token>[A-Za-z0-9!#$%&'*+.^_`{|}~-]+)"
    r"|(?P<special>[;=])|(?P<space>[ \t]+)"
)
VALUES = re.compile(r"(?P<address>[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*@[A-Za-z0-9_.-]+)|" + TOKENS.pattern)


@dataclass
class Clause:
    method: str
    value: str
    comment: str | None
    pairs: list[tuple[str, str]]


def tokens_of(header: str) -> list[tuple[str, str]]:
    text = re.sub(r"\n(?=[ \t])", "", header)
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        # Only a value may be an address: "reason=@a" is a name, an equals sign and a value.
        match = (VALUES if tokens[-1:] == [("special", "=")] else TOKENS).match(text, position)
        assert match, f"unreadable at {text[position:]!r}"
        kind = match.lastgroup or ""
        content = match[kind]
        if kind == "quoted":
            content = re.sub(r"\\(.)", r"\1", content)
        if kind != "space":
            tokens.append((kind, content))
        position = match.end()
    return tokens


def clause_of(tokens: list[tuple[str, str]]) -> Clause:
    comments = [content for kind, content in tokens if kind == "comment"]
    words = [token for token in tokens if token[0] != "comment"]
    assert len(words) % 3 == 0
    pairs = []
    for name, equals, value in zip(words[::3], words[1::3], words[2::3], strict=True):
        assert name[0] == "token"
        assert equals == ("special", "=")
        assert value[0] != "special"
        pairs.append((name[1], value[1]))
    assert len(comments) <= 1
    return Clause(*pairs[0], comments[0] if comments else None, pairs[1:])


def parse(header: str) -> tuple[str, list[Clause]]:
    tokens = tokens_of(header)
    parts: list[list[tuple[str, str]]] = [[]]
    for token in tokens:
        if token == ("special", ";"):
            parts.append([])
        else:
            parts[-1].append(token)
    assert len(parts[0]) == 1
    return parts[0][0][1], [clause_of(part) for part in parts[1:]]


def clean(value: str) -> str:
    local, at, domain = value.rpartition("@")
    return printable(f"@{domain}" if at and not local.isascii() else value)


def meant(entry: Reported) -> Clause:
    pairs = [("reason", clean(entry.reason))] if entry.reason else []
    pairs += [(f"{ptype}.{name}", clean(value)) for ptype, name, value in entry.properties]
    comment = re.sub(r"[()\\]", "?", clean(entry.comment)) if entry.comment else None
    return Clause(entry.method, entry.value, comment, pairs)


@given(st.lists(REPORTED, min_size=1, max_size=5))
def test_whatever_strangers_sent_the_header_reads_as_it_was_meant(entries: list[Reported]) -> None:
    header = render(ID, entries)
    assert parse(header) == (ID, [meant(entry) for entry in entries])
    assert max(map(len, header.split("\n"))) <= 998
    AddHeader("Authentication-Results", header)


USUAL = st.from_regex(r"[a-z.+=/-]{0,9}@?([a-z0-9_-]{1,70}\.?){0,4}", fullmatch=True)


@given(KEYWORD, KEYWORD, st.lists(st.tuples(KEYWORD, KEYWORD, USUAL | HOSTILE), max_size=4).map(tuple))
def test_what_needs_no_care_is_written_as_with_all_care(
    method: str, value: str, properties: tuple[tuple[str, str, str], ...]
) -> None:
    entry = Reported(method, value.upper(), properties)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relayguard.authentication_results.render._plain", lambda *_, **__: None)
        careful = render(ID, [entry])
    assert render(ID, [entry]) == careful


@given(HOSTILE)
def test_no_value_adds_a_result_of_its_own(value: str) -> None:
    _, clauses = parse(render(ID, [Reported("spf", "fail", (("smtp", "mailfrom", value),), value, value)]))
    assert [(clause.method, clause.value) for clause in clauses] == [("spf", "fail")]


def test_without_results_the_header_says_none() -> None:
    assert render(ID, []) == f"{ID}; none"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a@example.com", "a@example.com"),
        ("@example.com", "@example.com"),
        ("example.com", "example.com"),
        ("a=b@example.com", "a=b@example.com"),
        ("", '""'),
        ("a b", '"a b"'),
        ("text/html", '"text/html"'),
        ('"a b"@example.com', '"\\"a b\\"@example.com"'),
        ("a@[192.0.2.1]", '"a@[192.0.2.1]"'),
        ("a@EXAMPLE.com", '"a@EXAMPLE.com"'),
        ("example.net(.example.com", '"example.net(.example.com"'),
        ("x; dmarc=pass header.from=a@b.example", '"x; dmarc=pass header.from=a@b.example"'),
        ("a\r\nBcc: b", '"a??Bcc: b"'),
    ],
)
def test_a_value_is_quoted_whenever_it_must_be(value: str, written: str) -> None:
    line = render(ID, [Reported("spf", "pass", (("smtp", "mailfrom", value),))]).split("\n\t", 1)[1]
    assert line == f"spf=pass smtp.mailfrom={written}"


def test_reason_and_comment_stand_where_readers_look_for_them() -> None:
    entry = Reported("dkim", "fail", (("header", "d", "example.com"),), "body hash differs", "a (nested) one")
    assert render(ID, [entry]).replace("\n\t ", " ") == (
        f'{ID};\n\tdkim=fail (a ?nested? one) reason="body hash differs" header.d=example.com'
    )


def test_60_signatures_are_folded_and_none_is_cut() -> None:
    # AR-08
    names = (("d", "example.com"), ("s", "selector"), ("a", "rsa-sha256"), ("b", "AbCdEfGh"))
    entry = Reported("dkim", "pass", tuple(("header", name, value) for name, value in names))
    header = render(ID, [entry] * 60)
    assert len(parse(header)[1]) == 60
    assert max(map(len, header.split("\n"))) <= 78


def test_a_filter_that_reports_without_end_loses_what_no_mta_would_take() -> None:
    header = render(ID, [Reported("x-flood", "pass", (("policy", "x", "y " * 120),))] * 1000)
    assert 100 < len(parse(header)[1]) < 1000
    AddHeader("Authentication-Results", header)


def test_comments_can_be_left_out() -> None:
    entry = Reported("dkim", "pass", (("header", "d", "example.com"),), comment="testing key")
    assert render(ID, [entry], comments=False) == f"{ID};\n\tdkim=pass header.d=example.com"


@pytest.mark.parametrize(
    ("value", "written", "internationalized"),
    [
        ("j\u00fcrgen@example.com", "@example.com", "j\u00fcrgen@example.com"),
        ("a\u202e\u200bb@example.com", "@example.com", "a??b@example.com"),
        ("\u00fc b@example.com", "@example.com", '"\u00fc b@example.com"'),
        ("\u00fc; dmarc=pass", '"?; dmarc=pass"', '"\u00fc; dmarc=pass"'),
        ("plain", "plain", "plain"),
        ("\u00fc", '"?"', '"\u00fc"'),
    ],
)
def test_only_an_internationalized_message_has_text_beyond_ascii(
    value: str, written: str, internationalized: str
) -> None:
    entry = Reported("spf", "pass", (("smtp", "mailfrom", value),))
    for utf8, expected in ((False, written), (True, internationalized)):
        assert render(ID, [entry], utf8=utf8) == f"{ID};\n\tspf=pass smtp.mailfrom={expected}"


@given(HOSTILE, HOSTILE)
def test_no_value_of_an_internationalized_message_adds_a_result_of_its_own(value: str, other: str) -> None:
    header = render(ID, [Reported("spf", "fail", (("smtp", "mailfrom", value),), other, other)], utf8=True)
    read = read_results(header.replace("\n", "\r\n").encode())
    assert read is not None
    assert [(entry.method, entry.value, len(entry.properties)) for entry in read.entries] == [("spf", "fail", 1)]
    assert max(len(line.encode()) for line in header.split("\n")) <= 998
    AddHeader("Authentication-Results", header)
