import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relayguard import Answer, MailExchange, Question, RecordType, Status
from relayguard.dns import wire as wire_module
from relayguard.dns.reading import TTL_MAX, TTL_MIN, read
from relayguard.dns.wire import read_plain, read_wire

NOW = 1000.0
HOSTS = ("a.example.", "A.Example.", "b.example.", "x.a.example.", "example.", ".", "o\\.dd.example.", "a+b.example.")
ADDRESSES = ("::", "::1", "::192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:0:0:1::1", "1:0:0:2:0:0:0:3")
TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")

host = st.sampled_from(HOSTS)
value = {
    "A": st.integers(0, 3).map("192.0.2.{}".format),
    "AAAA": st.sampled_from(ADDRESSES),
    "CNAME": host,
    "MX": st.builds("{} {}".format, st.integers(0, 2), host),
    "NS": host,
    "PTR": host,
    "SOA": st.builds("{} {} 1 2 3 4 {}".format, host, host, st.sampled_from([0, 60, 400, 2**32 - 1])),
    "SRV": st.builds("0 0 1 {}".format, host),
    "TXT": st.lists(st.sampled_from(['""', '"a"', '"v=spf1 -all"', f'"{"x" * 250}"']), min_size=1, max_size=3).map(
        " ".join
    ),
}
code = st.sampled_from([dns.rcode.NOERROR] * 3 + [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.BADVERS])
record = st.sampled_from(TYPES).flatmap(
    lambda kind: st.tuples(host, st.sampled_from([0, 60, 5000, 2**31 - 1]), st.just(kind), value[kind])
)
Record = tuple[str, int, str, str]


def response(
    question: Question, *answer: Record, authority: tuple[Record, ...] = (), additional: tuple[Record, ...] = ()
) -> dns.message.Message:
    name = question.name + "." if question.name != "." else "."
    message = dns.message.make_response(dns.message.make_query(name, question.type.value, use_edns=0))
    for section, records in (
        (message.answer, answer),
        (message.authority, authority),
        (message.additional, additional),
    ):
        for owner, ttl, kind, text in records:
            section.append(dns.rrset.from_text(owner, ttl, "IN", kind, text))
    return message


@st.composite
def responses(draw: st.DrawFn) -> tuple[Question, bytes]:
    """A response of records that mostly belong to the question; and one that breaks a rule here and there."""
    name, kind = draw(host), draw(st.sampled_from(RecordType))
    question = Question(name.rstrip(".") or ".", kind)
    own = st.tuples(st.just(name), st.just(60), st.just(kind.value), value[kind.value])
    sections = st.lists(own | own | record, max_size=4), st.lists(record, max_size=2), st.lists(record, max_size=2)
    answer, authority, additional = (tuple(draw(section)) for section in sections)
    message = response(question, *answer, authority=authority, additional=additional)
    message.set_rcode(draw(code))
    if draw(st.booleans()):
        message.use_edns(-1)
    wire = bytearray(message.to_wire(max_size=65535))
    for at, octets, cut in draw(st.lists(st.tuples(st.integers(0, 600), octet, st.integers(0, 2)), max_size=3)):
        wire[at : at + cut] = octets
    return question, bytes(wire)


octet = st.sampled_from([b"\0", b"\xc0", b"\xc0\x0c", b"\x0c", b"\1", b"\5", b"\x29", b"\x3f", b"\x40", b"\xff"])
PLAIN = response(Question("a.example", RecordType.A), ("a.example.", 60, "A", "192.0.2.1"))


@given(responses())
def test_dnspython_says_the_same_of_whatever_is_read_here(given: tuple[Question, bytes]) -> None:
    question, wire = given
    found = read_plain(question, wire, NOW)
    assert found is None or found == read(question, dns.message.from_wire(wire), NOW)


@given(st.binary(max_size=60), st.integers(0, 60))
@example(b"", 0)
def test_no_octets_whatsoever_break_the_reader(noise: bytes, kept: int) -> None:
    read_plain(Question("a.example", RecordType.A), PLAIN.to_wire()[:kept] + noise, NOW)


def test_of_a_response_cut_anywhere_nothing_is_read() -> None:
    whole = response(
        Question("a.example", RecordType.MX),
        ("a.example.", 60, "CNAME", "b.example."),
        ("b.example.", 60, "MX", "10 mx.example."),
        authority=(("example.", 60, "NS", "ns.example."),),
        additional=(("ns.example.", 60, "A", "192.0.2.1"),),
    ).to_wire()
    question = Question("a.example", RecordType.MX)
    assert read_plain(question, whole, NOW) is not None
    assert [read_plain(question, whole[:end], NOW) for end in range(len(whole))] == [None] * len(whole)


EXCHANGE = MailExchange(10, "mx.example")


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (RecordType.TXT, '"v=spf1 " "-all"', Answer(status=Status.FOUND, texts=(b"v=spf1 -all",), expires=NOW + 60)),
        (RecordType.TXT, '"\\255;"', Answer(status=Status.FOUND, texts=(b"\xff;",), expires=NOW + 60)),
        (RecordType.A, "192.0.2.1", Answer(status=Status.FOUND, hosts=("192.0.2.1",), expires=NOW + 60)),
        (RecordType.AAAA, "2001:db8::1", Answer(status=Status.FOUND, hosts=("2001:db8::1",), expires=NOW + 60)),
        (RecordType.PTR, "Mail.Example.", Answer(status=Status.FOUND, hosts=("mail.example",), expires=NOW + 60)),
        (RecordType.MX, "10 MX.Example.", Answer(status=Status.FOUND, exchanges=(EXCHANGE,), expires=NOW + 60)),
    ],
)
def test_each_type_is_read_into_its_own_field(kind: RecordType, text: str, expected: Answer) -> None:
    question = Question("a.example", kind)
    message = response(
        question,
        ("A.example.", 60, kind.value, text),
        authority=(("example.", 5, "NS", "ns.example."),),
        additional=(("ns.example.", 5, "AAAA", "2001:db8::1"),),
    )
    assert read_plain(question, message.to_wire(), NOW) == expected


@pytest.mark.parametrize(("ttl", "held"), [(0, TTL_MIN), (60, 60), (86_400, TTL_MAX)])
def test_an_answer_holds_for_the_shortest_ttl_of_its_aliases_within_bounds(ttl: int, held: int) -> None:
    question = Question("a.example", RecordType.A)
    message = response(question, ("b.example.", 90_000, "A", "192.0.2.1"), ("a.example.", ttl, "CNAME", "B.Example."))
    found = read_plain(question, message.to_wire(), NOW)
    assert found == Answer(status=Status.FOUND, hosts=("192.0.2.1",), expires=NOW + held)


@pytest.mark.parametrize(
    ("aliases", "code", "status"),
    [
        ((), dns.rcode.NOERROR, Status.NODATA),
        ((), dns.rcode.NXDOMAIN, Status.NXDOMAIN),
        ((("a.example.", 60, "CNAME", "b.example."),), dns.rcode.NXDOMAIN, Status.NODATA),
    ],
)
def test_a_negative_answer_holds_as_its_soa_says(
    aliases: tuple[Record, ...], code: dns.rcode.Rcode, status: Status
) -> None:
    question = Question("a.example", RecordType.A)
    soa = ("example.", 600, "SOA", "ns.example. hostmaster.example. 1 2 3 4 50")
    message = response(question, *aliases, authority=(soa,))
    message.set_rcode(code)
    assert read_plain(question, message.to_wire(), NOW) == Answer(status=status, expires=NOW + 50)


A_RECORD = ("a.example.", 60, "A", "192.0.2.1")
SOA = ("example.", 60, "SOA", ". . 1 2 3 4 5")


def changed(change: str) -> dns.message.Message:
    """A response that is plain but for one thing."""
    question = Question("a.example", RecordType.A)
    records: dict[str, tuple[Record, ...]] = {
        "two aliases": (("a.example.", 60, "CNAME", "b.example."), ("a.example.", 60, "CNAME", "c.example.")),
        "aliases in a circle": (("a.example.", 60, "CNAME", "a.example."),),
        "a type never asked for": (A_RECORD, ("a.example.", 60, "SRV", "0 0 1 b.example.")),
        "a record twice": (A_RECORD, A_RECORD),
        "an alias with a dot in a label": (("a.example.", 60, "CNAME", "b\\.c.example."),),
    }
    message = response(question, *records.get(change, (A_RECORD,)))
    match change:
        case "server failure":
            message.set_rcode(dns.rcode.SERVFAIL)
        case "a name that does not exist and has a record":
            message.set_rcode(dns.rcode.NXDOMAIN)
        case "a longer rcode":
            message.set_rcode(dns.rcode.BADVERS)
        case "truncated":
            message.flags |= dns.flags.TC
        case "a query":
            message.flags &= ~dns.flags.QR
        case "options of EDNS":
            message.use_edns(0, options=[dns.edns.GenericOption(dns.edns.OptionType.make(65001), b"a")])
        case "two starts of authority":
            message = response(question, authority=(SOA, ("a.example.", *SOA[1:])))
        case "an answer to another question":
            message = response(Question("a.example", RecordType.AAAA))
    return message


@pytest.mark.parametrize(
    "change",
    [
        "two aliases",
        "aliases in a circle",
        "a type never asked for",
        "a record twice",
        "an alias with a dot in a label",
        "server failure",
        "a name that does not exist and has a record",
        "a longer rcode",
        "truncated",
        "a query",
        "options of EDNS",
        "two starts of authority",
        "an answer to another question",
    ],
)
def test_what_is_unusual_is_left_to_dnspython(change: str) -> None:
    question, wire = Question("a.example", RecordType.A), changed(change).to_wire()
    assert read_plain(question, wire, NOW) is None
    assert read_wire(question, wire, NOW) == read(question, dns.message.from_wire(wire), NOW)


@pytest.mark.parametrize("junk", [b"\0", PLAIN.to_wire()], ids=["an octet", "all again"])
def test_what_follows_the_last_record_makes_a_response_unreadable(junk: bytes) -> None:
    with pytest.raises(dns.exception.DNSException):
        read_wire(Question("a.example", RecordType.A), PLAIN.to_wire() + junk, NOW)


def pointer(target: int) -> bytes:
    return (0xC000 | target).to_bytes(2, "big")


@pytest.mark.parametrize("target", [0x1B, 0x1C, 0x20, 0x3FFF])
def test_a_pointer_leads_back_or_nowhere(target: int) -> None:
    question, wire = Question("a.example", RecordType.A), PLAIN.to_wire()
    at = wire.index(pointer(12))
    assert at == 0x1B
    assert read_plain(question, wire[:at] + pointer(target) + wire[at + 2 :], NOW) is None


@pytest.mark.parametrize(("links", "is_plain"), [(15, True), (16, False), (100, False)])
def test_a_chain_of_pointers_has_an_end(links: int, is_plain: bool) -> None:  # noqa: FBT001
    question = Question("a.example", RecordType.TXT)
    message = response(question, ("a.example.", 60, "TXT", f'"{"x" * 2 * links}"'), ("a.example.", 60, "TXT", '"b"'))
    wire = message.to_wire()
    # The first text is a chain that leads to the name in the question, and the owner of the second points to its end.
    first = wire.index(b"xx")
    chain = [12, *range(first, first + 2 * links, 2)]
    wire = wire.replace(b"xx" * links, b"".join(map(pointer, chain[:-1])))
    owner = wire.rindex(pointer(12))
    wire = wire[:owner] + pointer(chain[-1]) + wire[owner + 2 :]
    found = read_plain(question, wire, NOW)
    assert (found is not None) == is_plain
    assert found is None or found.texts[1] == b"b"


def test_nearly_everything_that_a_resolver_sends_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(wire_module, "read")
    question = Question("a.example", RecordType.A)
    assert read_wire(question, PLAIN.to_wire(), NOW).hosts == ("192.0.2.1",)
