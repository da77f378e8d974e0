"""Targets: the header fields that we read ourselves, and the addresses of the envelope."""

from relayguard import (
    AuthenticationResults,
    Headers,
    Oddity,
    Reported,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    oddities_of,
    parse_path,
    printable,
    read_authors,
    read_results,
    to_a_labels,
)
from relayguard.authentication_results.render import render
from relayguard.authentication_results.scan import claims, forged_headers
from relayguard.core.encoded_words import decode_words
from relayguard.core.envelope import parse_parameters
from relayguard.core.mailboxes import Malformed, parse_mailboxes
from relayguard.core.message import split_message
from relayguard.testing import a_session, an_envelope, collect, some_services
from relayguard_plugins.spf.received import ReceivedSpfFilter
from tests.fuzz.target import Target

KB = 1024
HEADER_BLOCK = 256 * KB
PACKET = 64 * KB
OURS = "mx.example.com"


def check_address(given: bytes) -> None:
    """An address is read, or has a defect and then nothing else; what was read is read again from what is shown."""
    address = parse_path(given)
    if address.defect is not None:
        assert (address.local, address.domain) == ("", "")
    elif address.domain:
        again = parse_path(str(address).encode())
        assert (again.local, again.domain) == (address.local, address.domain)
    assert all(name == name.upper() for name in parse_parameters((given.decode("latin-1"),)))


def check_domain(given: bytes) -> None:
    """A name in A-labels is itself in A-labels."""
    name = to_a_labels(given.decode("utf-8", "replace"))
    assert name is None or (to_a_labels(name) == name and len(name) <= 253 and name.isascii())


def check_from(given: bytes) -> None:
    """There is one author domain, or a reason why not; and what is odd is told of what can be read alone."""
    authors = read_authors(Headers.of(("From", given)))
    assert (authors.domain is None) == (authors.ambiguity is not None)
    try:
        mailboxes = parse_mailboxes(given)
    except Malformed:
        assert authors.domain is None
        mailboxes = ()
    assert all(each.domain for each in mailboxes)
    assert all(isinstance(each, Oddity) for each in oddities_of(given, mailboxes))


def check_words(given: bytes) -> None:
    """Encoded words are decoded, or stay as they are."""
    text = given.decode("utf-8", "replace")
    assert "=?" in text or decode_words(text) == text
    shown = printable(text)
    assert len(shown) <= 256
    assert shown.isascii()
    assert shown.isprintable()


def check_message(given: bytes) -> None:
    """What was split is split again in the same way, and every field is found where it stands."""
    pairs, body = split_message(given)
    written = b"".join(name.encode() + b":" + value + b"\r\n" for name, value in pairs)
    assert split_message(written + b"\r\n" + body) == (pairs, body)
    headers = Headers.of(*pairs)
    assert all(header in headers and isinstance(header.text, str) for header in headers)


def check_forged(given: bytes) -> None:
    """What anybody can read as ours is taken for ours, and one field is forged or not whatever stands beside it."""
    header = Headers.of(("Authentication-Results", given))[0]
    forged, _ = forged_headers([header], OURS)
    read = read_results(given)
    if read is not None and to_a_labels(read.authserv_id) == OURS:
        assert claims(given, OURS)
    assert bool(forged) == claims(given, OURS)


def check_results(given: bytes) -> None:
    """What was read and written again is read as the same."""
    read = read_results(given)
    if read is None:
        return
    for utf8 in (False, True):
        first = _written(read, utf8=utf8)
        again = read_results(first.encode())
        assert again is not None
        assert again.authserv_id == OURS
        assert _written(again, utf8=utf8) == first


def _written(read: AuthenticationResults, *, utf8: bool) -> str:
    assert all(isinstance(entry, Reported) for entry in read.entries)
    return render(OURS, read.entries, utf8=utf8)


def check_received_spf(given: bytes) -> None:
    """A field is written in which no byte of a stranger's ends a line."""
    text = given.decode("utf-8", "replace")
    result = SpfResult(
        value=SpfValue.PERMERROR, identity=SpfIdentity.HELO, domain=text[:255], identifier=text, reason=text
    )
    envelope = an_envelope()
    envelope.sender = parse_path(given)
    (added,) = collect(
        ReceivedSpfFilter(some_services()).end_of_message(a_session(helo=text), envelope, Results([result]))
    )
    assert len(repr(added)) < 5 * KB


_NAMES = (b"bob", b"example.com", b"a@b", b"\xc3\xbc", b"\xff", b"xn--", b"\0", b"\r\n ", b" ", b"\t", b"\r", b"\n")
_MARKS = (b"(", b")", b"<", b">", b"@", b",", b";", b":", b".", b"[", b"]", b'"', b"\\", b"=", b"/")
_ENCODED = (b"=?", b"?=", b"?q?", b"?b?", b"utf-8", b"=?utf-8?q?a_?=", b"=?utf-8?b?QUFB?=", b"_", b"*en")
_FIELD_NAMES = (b"From", b"To", b"List-Id", b"Authentication-Results", b"X-A", b":", b": ", b"\r\n", b"\r\n\r\n")
_RESULTS = (
    b"mx.example.com",
    b"mx(a).example.com",
    b"; ",
    b"spf=pass",
    b"reason=",
    b"smtp.mailfrom=",
    b"dkim/1",
    b"1",
)

FIELDS = (
    Target(
        name="address",
        check=check_address,
        cap=PACKET,
        seeds=(
            b"<bob@example.com>",
            b"<@a.example,@b.example:bob@example.com>",
            b'<"a b"@[192.0.2.1]>',
            b"SIZE=1000",
        ),
        tokens=_NAMES + _MARKS,
        times=100,
    ),
    Target(
        name="domain",
        check=check_domain,
        cap=PACKET,
        seeds=(b"mail.example.com", "m\u00fcnchen.example.".encode(), b"_dmarc.xn--mnchen-3ya.example"),
        tokens=(*_NAMES, b".", b"-", b"xn--mnchen-3ya", b"\xe3\x80\x82", b"\xd9\x84", b"\xe2\x80\x8d"),
        times=100,
    ),
    Target(
        name="from",
        check=check_from,
        cap=16 * KB,
        seeds=(
            b' "Bob, Jr." <bob@example.com>',
            b" Team: a@example.com, b@example.org;",
            b" =?utf-8?q?B?= <a@b.c> (hi)",
        ),
        tokens=_NAMES + _MARKS + _ENCODED,
        times=4,
    ),
    Target(
        name="words",
        check=check_words,
        cap=16 * KB,
        seeds=(b"=?utf-8?Q?J=C3=BCrgen?= B.", b"=?iso-8859-1*de?b?QUFB?= =?big5?q?=A4?="),
        tokens=_ENCODED + _NAMES,
    ),
    Target(
        name="message",
        check=check_message,
        cap=HEADER_BLOCK,
        seeds=(b"From: a@example.com\r\nList-Id: Us <us.lists.example>\r\nX-A: b\r\n c\r\n\r\nhello\r\n",),
        tokens=_FIELD_NAMES + _NAMES + _MARKS,
    ),
    Target(
        name="forged",
        check=check_forged,
        cap=16 * KB,
        seeds=(b' (hi) "MX.example.com" 1; dkim=pass', b" mx.example.org; spf=pass smtp.mailfrom=a@example.com"),
        tokens=_RESULTS + _MARKS + _NAMES,
        times=16,
    ),
    Target(
        name="results",
        check=check_results,
        cap=16 * KB,
        seeds=(
            b' mx.example.com; spf=pass (why) reason="a b" smtp.mailfrom="a b"@example.com; dkim=none',
            b" a; none",
        ),
        tokens=_RESULTS + _MARKS + _NAMES,
        times=16,
    ),
    Target(
        name="received-spf",
        check=check_received_spf,
        cap=PACKET,
        seeds=(b"<bob@example.com>", b"client.example"),
        tokens=_NAMES + _MARKS,
        times=2,
    ),
)
