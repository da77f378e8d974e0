import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Ambiguity, Authors, Header, Headers, read_authors
from relayguard.core.message import split_message

MISSING, FIELDS, DOMAINS = Ambiguity.MISSING, Ambiguity.SEVERAL_FIELDS, Ambiguity.SEVERAL_DOMAINS
NONE, BAD, LARGE = Ambiguity.NO_DOMAIN, Ambiguity.MALFORMED, Ambiguity.TOO_LARGE


def headers_of(text: str) -> Headers:
    return Headers.of(*split_message(text.encode())[0])


# The rows of espoofer (E-S) and of DMARC (M) in the table of attacks.
ATTACKS = [
    ("E-S08", "From: first@attack.com\nFrom: admin@legitimate.com\n", FIELDS),
    ("E-S09", " From: <first@attack.com>\nFrom: admin@legitimate.com\n", MISSING),
    ("E-S10", "From: <first@attack.com>\nFrom : <admin@legitimate.com>\n", FIELDS),
    ("E-S11", "Subject: x\n\nFrom\n : <first@attack.com>\nFrom: admin@legitimate.com\n", MISSING),
    ("E-S12", "Sender: admin@legitimate.com\n", MISSING),
    ("E-S13", "Resent-From: admin@legitimate.com\n", MISSING),
    ("E-S14", "From: <first@attack.com>, <admin@legitimate.com>\n", DOMAINS),
    ("E-S15", "From: =?utf-8?B?<admin@legitimate.com>?=,<second@attack.com>\n", BAD),
    ("E-S17", "From: <admin@legitimate.com>\\,<second@attack.com>\n", BAD),
    ("E-S18", "From: admin@legitimate.com,<second@attack.com>\n", DOMAINS),
    ("E-S19", "From: <any@attack.com>admin@legitimate.com\n", BAD),
    ("M-04 group", "From: undisclosed:;\n", NONE),
    ("M-04 empty", "From: <>\n", BAD),
    ("M-04 word", "From: MAILER-DAEMON\n", BAD),
    ("M-04 nothing", "From:\n", NONE),
    ("M-05 no domain first", "From: a, b@x\n", BAD),
    ("M-05 at", "From: @\n", BAD),
    ("M-05 no domain", "From: a@\n", BAD),
    ("M-05 64 KB", f"From: {'a' * 65_536}@x\n", LARGE),
    ("M-05 5000 mailboxes", f"From: {'a@x,' * 4_000}\n", BAD),
    ("a route with an address", "From: <@a,admin@legit.com:x@attack.net>\n", BAD),
    ("a route with a word", "From: <@legit.com,admin:x@attack.net>\n", BAD),
    ("a route with a space", "From: <@admin legit:x@attack.net>\n", BAD),
    ("a route of commas", "From: <@,,:x@attack.net>\n", BAD),
    ("16 KB of dots", f"From: {'.' * 16_000}\n", BAD),
    ("M-08 literal", "From: a@[192.0.2.1]\n", NONE),
    ("M-08 percent", "From: a@legitimate.com%00.x\n", NONE),
    ("M-15 bad IDNA", "From: <a@m\u202enchen.example>\n", NONE),
]


@pytest.mark.parametrize(("text", "ambiguity"), [row[1:] for row in ATTACKS], ids=[row[0] for row in ATTACKS])
def test_an_attack_has_no_author_domain(text: str, ambiguity: Ambiguity) -> None:
    authors = read_authors(headers_of(text))
    assert authors.ambiguity is ambiguity
    assert authors.domain is None


# Who is judged where there is one answer only.
ANSWERS = [
    ("E-S16", "From: <@attack.com,@any.com:admin@legitimate.com>\n", "legitimate.com"),
    ("M-08 trailing dot", "From: a@legitimate.com.\n", "legitimate.com"),
    ("M-03", "From: a@x.example, b@X.example\n", "x.example"),
    ("M-06 quoted", 'From: "admin@legitimate.com" <x@attack.com>\n', "attack.com"),
    ("M-06 spaces", f'From: "admin@legitimate.com{" " * 300}" <x@attack.com>\n', "attack.com"),
    ("M-06 no-break space", "From: Bank\u00a0<x@attack.com>\n", "attack.com"),
    ("M-06 bidi", 'From: "\u202emoc.etamitigel" <x@attack.com>\n', "attack.com"),
    ("M-06 zero width", "From: Ba\u200bnk <x@attack.com>\n", "attack.com"),
    ("M-07 homograph", "From: <x@legit\u0456mate.com>\n", "xn--legitmate-z9h.com"),
    ("M-07 A-label", "From: <x@xn--legitmate-z9h.com>\n", "xn--legitmate-z9h.com"),
    ("M-08 upper case", "FROM: <a@LEGITIMATE.COM>\n", "legitimate.com"),
    ("M-15 NFC", "From: <a@m\u00fcnchen.example>\n", "xn--mnchen-3ya.example"),
    ("M-15 NFD", unicodedata.normalize("NFD", "From: <a@m\u00fcnchen.example>\n"), "xn--mnchen-3ya.example"),
]


@pytest.mark.parametrize(("text", "domain"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_the_author_domain_is_the_one_that_all_readers_see(text: str, domain: str) -> None:
    authors = read_authors(headers_of(text))
    assert (authors.domain, authors.ambiguity) == (domain, None)


def test_the_detail_says_what_is_malformed() -> None:
    assert read_authors(headers_of("From: <a@x> b\n")).detail == "something follows the address"


def test_nothing_is_concluded_from_a_header_block_that_was_cut() -> None:
    cut = Headers([Header("From", b" a@x.example")], complete=False)
    assert read_authors(cut).ambiguity is LARGE


@given(st.binary(max_size=500) | st.text(alphabet='ab@.<>()"\\[]:;, =?\u00fc\r\n').map(str.encode))
def test_reading_the_author_never_raises_and_always_answers(value: bytes) -> None:
    authors = read_authors(Headers.of(("From", value)))
    assert (authors.domain is None) == (authors.ambiguity is not None)


def test_of_several_authors_all_domains_are_told_up_to_four() -> None:
    def authors(count: int) -> Authors:
        return read_authors(headers_of("From: " + ", ".join(f"a@d{n}.example" for n in range(count)) + "\n"))

    assert authors(4).domains == ("d0.example", "d1.example", "d2.example", "d3.example")
    assert authors(4).ambiguity is Ambiguity.SEVERAL_DOMAINS
    assert (authors(5).domains, authors(5).ambiguity) == ((), Ambiguity.TOO_MANY_DOMAINS)
