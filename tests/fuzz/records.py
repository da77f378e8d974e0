"""Targets: what DNS answers with, which is as much a stranger's as the mail: messages, and the records in them."""

import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import dns.exception
import dns.message

from relayguard import Answer, MailExchange, Question, RecordType, SpfValue, Status
from relayguard.dns.reading import read
from relayguard.dns.udp import Query, Truncated
from relayguard.dns.wire import read_plain
from relayguard.testing import CountedMetrics
from relayguard_plugins.dmarc.record import Record, parse_record, record_in
from relayguard_plugins.spf.evaluation import Checked, Evaluator
from tests.fuzz.target import Target

KB = 1024
_TIMEOUT = 5.0
_ADDRESSES = {RecordType.A: "192.0.2.7", RecordType.AAAA: "2001:db8::7"}


class Circular:
    """A `Resolver` that answers each question with the next of some texts, from the first again after the last."""

    def __init__(self, texts: list[bytes]) -> None:
        self._texts = texts
        self._answers: dict[Question, Answer] = {}

    def cached(self, question: Question) -> Answer | None:
        """See `Resolver`."""
        return self._answers.get(question)

    async def resolve(self, question: Question) -> Answer:
        """See `Resolver`."""
        if question not in self._answers:
            text = self._texts[len(self._answers) % len(self._texts)]
            self._answers[question] = _answer(question.type, text)
        return self._answers[question]

    def prefetch(self, questions: Iterable[Question]) -> None:
        """See `Resolver`: nobody is asked before it is time."""

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """See `Resolver`."""
        return {question: await self.resolve(question) for question in questions}


def _answer(kind: RecordType, text: bytes) -> Answer:
    host = text[:60].decode("latin-1").lower()
    match kind:
        case RecordType.TXT:
            return Answer(status=Status.FOUND, texts=(text,))
        case RecordType.MX:
            return Answer(status=Status.FOUND, exchanges=(MailExchange(len(text) % 100, host),))
        case RecordType.PTR:
            return Answer(status=Status.FOUND, hosts=(host,))
        case RecordType.A | RecordType.AAAA:
            return Answer(status=Status.FOUND, hosts=(_ADDRESSES[kind],)) if text else Answer(status=Status.NXDOMAIN)


def check_spf(given: bytes) -> None:
    """Any records give one of the results of RFC 7208, and always the same one, to clients of both families."""
    for client in ("192.0.2.1", "2001:db8::1"):
        first, again = (asyncio.run(_checked(given, client)) for _ in range(2))
        assert first == again
        assert first.value in set(SpfValue)
        assert first.reason is None or first.value in (SpfValue.TEMPERROR, SpfValue.PERMERROR)


async def _checked(given: bytes, client: str) -> Checked:
    evaluator = Evaluator(Circular(given.split(b"\n")), CountedMetrics(), "mx.example.com", _TIMEOUT)
    return await evaluator.check(ip_address(client), "a.b", "example.com", "client.example")


def check_dmarc(given: bytes) -> None:
    """A record is read or is none; beside it, what is no record changes nothing."""
    record = parse_record(given)
    assert record is None or isinstance(record, Record)
    texts = (b"v=spf1 -all", given, b"")
    assert record_in(Answer(status=Status.FOUND, texts=texts)) == record
    assert record_in(Answer(status=Status.FOUND, texts=(given, b"v=DMARC1; p=none"))) is None or record is None


def check_dns(given: bytes) -> None:
    """A DNS message that can be read at all, and responds to what was asked, gives an answer: one, whoever reads it."""
    plain = {kind: read_plain(Question("example.com", kind), given, 0.0) for kind in RecordType}
    try:
        message = dns.message.from_wire(given)
    except dns.exception.DNSException:
        assert not any(plain.values())
        return
    for kind in RecordType:
        # As dnspython does before it hands a message to us.
        query = dns.message.make_query("example.com.", kind.value, id=message.id)
        if not query.is_response(message):
            continue
        answer = read(Question("example.com", kind), message, 0.0)
        assert plain[kind] in (None, answer)
        assert answer.expires > 0
        assert (answer.status is Status.FOUND) == bool(answer.texts or answer.hosts or answer.exchanges)
        assert (answer.status is Status.TEMPERROR) == (answer.reason is not None)


def check_datagram(given: bytes) -> None:
    """What anybody may send to the port of a query is read, is passed over, or is to be asked for over TCP."""
    query = Query(b"\x07example\x03com\0", Question("example.com", RecordType.TXT))
    # As if he had guessed the id.
    own = query.to_wire()[:2]
    try:
        answer = query.read(own + given, 0.0)
    except Truncated:
        return
    assert answer is None or (given[0] & 0x80 and answer.expires > 0)


def _response(*records: str) -> bytes:
    text = "id 1\nopcode QUERY\nrcode NOERROR\nflags QR RD RA\n;QUESTION\nexample.com. IN TXT\n;ANSWER\n"
    return dns.message.from_text(text + "\n".join(records) + "\n").to_wire()


_TERMS = (
    b"v=spf1 ",
    b"+",
    b"-all",
    b"?",
    b"~",
    b"a",
    b"mx",
    b"ptr",
    b"a:",
    b"mx:",
    b"include:",
    b"exists:",
    b"redirect=",
)
_MORE_TERMS = (
    b"ip4:192.0.2.0/24 ",
    b"ip6:2001:db8::/32 ",
    b"/",
    b"//",
    b"exp=",
    b"%{i}",
    b"%{d2r.-}",
    b"%{s}",
    b"%%",
    b"%{",
)
_NAMES = (b"example.com", b".example", b" ", b"\n", b"\xff", b"\xc3\xbc", b"=", b":", b"v=spf1 a mx ?all\n")
_POLICY = (
    b"v=DMARC1;",
    b"p=",
    b"reject",
    b"sp=",
    b"np=none;",
    b"psd=y",
    b"t=y",
    b"rua=",
    b"mailto:",
    b",",
    b"a@b",
    b"!10m",
)

_DNS_TOKENS = (
    b"\xc0\x0c",
    b"\0\x10\0\1",
    b"\0\5\0\1",
    b"\0\1\0\1",
    b"\0\6",
    b"\x07example\x03com\0",
    b"\xff",
    b"\0",
    b"\x3f",
)

RECORDS = (
    Target(
        name="spf",
        check=check_spf,
        cap=64 * KB,
        seeds=(
            b"v=spf1 include:a.example a mx ptr exists:%{ir}.a.example redirect=b.example\nv=spf1 ip6:2001:db8::/32 -all",
            b"v=spf1 mx:a.example/24//64 ?include:b.example ~all\nv=spf1 a:%{l1r+}.%{d} exp=c.example",
        ),
        tokens=_TERMS + _MORE_TERMS + _NAMES,
    ),
    Target(
        name="dmarc",
        check=check_dmarc,
        cap=8 * KB,
        seeds=(
            b"v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; rua=mailto:a@example.com,mailto:b@example.com!10m",
        ),
        tokens=(*_POLICY, b";", b"=", b" ", b"\t", b"\r\n", b"\xff", b"V=", b"adkim=s"),
        times=16,
    ),
    Target(
        name="dns",
        check=check_dns,
        cap=64 * KB,
        seeds=(
            _response('example.com. 60 IN TXT "v=spf1 -all" "b"'),
            _response("example.com. 60 IN CNAME a.example.com.", "a.example.com. 60 IN A 192.0.2.1"),
            _response("example.com. 60 IN MX 10 mx.example.com.", "example.com. 60 IN AAAA 2001:db8::1"),
        ),
        tokens=_DNS_TOKENS,
    ),
    Target(
        name="datagram",
        check=check_datagram,
        cap=64 * KB,
        seeds=(
            _response('example.com. 60 IN TXT "v=spf1 -all" "b"')[2:],
            _response("example.com. 60 IN CNAME a.example.com.", "a.example.com. 60 IN TXT a")[2:],
        ),
        tokens=_DNS_TOKENS,
    ),
)
