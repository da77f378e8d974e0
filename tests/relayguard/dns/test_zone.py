import asyncio

import pytest

from relayguard import MailExchange, Question, RecordType, Status
from relayguard.dns.zone import Zone, ZoneError, ZoneResolver

ZONE = """\
; a comment
example.com. IN TXT "v=spf1 -all"
example.com. 600 IN MX 20 b.example.com.
example.com. IN MX 10 a.example.com.
www.example.com. IN CNAME web.example.com.
web.example.com. IN A 192.0.2.1
deep.down.example.com. IN A 192.0.2.2
loop.example.com. IN CNAME loop.example.com.
a+b._spf.example.com. IN A 127.0.0.2
$SERVFAIL broken.example
$SILENT silent.example
"""


def ask(name: str, kind: RecordType = RecordType.A) -> tuple[Status, tuple[object, ...]]:
    answer = asyncio.run(ZoneResolver(ZONE).resolve(Question(name, kind)))
    return answer.status, (*answer.texts, *answer.hosts, *answer.exchanges)


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("example.com", RecordType.TXT, (b"v=spf1 -all",)),
        ("EXAMPLE.com.", RecordType.TXT, (b"v=spf1 -all",)),
        (
            "example.com",
            RecordType.MX,
            (MailExchange(10, "a.example.com"), MailExchange(20, "b.example.com")),
        ),
        ("www.example.com", RecordType.A, ("192.0.2.1",)),
        ("a+b._spf.example.com", RecordType.A, ("127.0.0.2",)),
    ],
)
def test_a_name_in_the_zone_is_found(name: str, kind: RecordType, found: tuple[object, ...]) -> None:
    assert ask(name, kind) == (Status.FOUND, found)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("example.com", Status.NODATA),
        ("down.example.com", Status.NODATA),
        ("nothing.example.com", Status.NXDOMAIN),
        ("loop.example.com", Status.TEMPERROR),
        ("broken.example", Status.TEMPERROR),
        ("below.broken.example", Status.TEMPERROR),
        ("silent.example", Status.TEMPERROR),
        ("very.silent.example", Status.TEMPERROR),
        ("notsilent.example", Status.NXDOMAIN),
        ("a..b", Status.NXDOMAIN),
        ("", Status.NXDOMAIN),
        ("x" * 64 + ".example.com", Status.NXDOMAIN),
        ("back\\slash.example.com", Status.NXDOMAIN),
    ],
)
def test_a_name_without_an_answer_says_why(name: str, status: Status) -> None:
    assert ask(name) == (status, ())


def test_a_resolver_of_a_zone_remembers_what_was_asked() -> None:
    resolver = ZoneResolver(ZONE)
    first, second = Question("example.com", RecordType.TXT), Question("example.com", RecordType.A)
    assert resolver.cached(first) is None
    resolver.prefetch([first])
    assert resolver.cached(first) is not None
    answers = asyncio.run(resolver.resolve_all([first, second, first]))
    assert [answers[first].status, answers[second].status] == [Status.FOUND, Status.NODATA]
    assert resolver.asked == [first, second]


@pytest.mark.parametrize("text", ["example.com. IN A 192.0.2.999", "example.com. IN NONSENSE x", "$SERVFAIL a..b"])
def test_a_zone_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(ZoneError, match="zone file: "):
        Zone(text)
