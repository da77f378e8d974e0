import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from relayguard import Answer, MailExchange, Question, RecordType, Status
from relayguard.dns.reading import FAILURE_TTL, NEGATIVE_MAX, TTL_MAX, TTL_MIN, read

NOW = 1000.0


def response(question: Question, *records: str, code: dns.rcode.Rcode = dns.rcode.NOERROR, soa: str = "") -> Answer:
    query = dns.message.make_query(question.name + ".", question.type.value)
    message = dns.message.make_response(query)
    message.set_rcode(code)
    for record in records:
        name, ttl, kind, *rest = record.split(" ", 3)
        message.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, *rest))
    if soa:
        ttl, minimum = soa.split()
        text = f"ns.example. hostmaster.example. 1 1 1 1 {minimum}"
        message.authority.append(dns.rrset.from_text("example.", int(ttl), "IN", "SOA", text))
    return read(question, dns.message.from_wire(message.to_wire()), NOW)


@pytest.mark.parametrize(
    ("kind", "record", "expected"),
    [
        (RecordType.TXT, 'a.example. 60 TXT "v=spf1 " "-all"', Answer(status=Status.FOUND, texts=(b"v=spf1 -all",))),
        (RecordType.TXT, 'a.example. 60 TXT "\\255;"', Answer(status=Status.FOUND, texts=(b"\xff;",))),
        (RecordType.A, "a.example. 60 A 192.0.2.1", Answer(status=Status.FOUND, hosts=("192.0.2.1",))),
        (RecordType.AAAA, "a.example. 60 AAAA 2001:db8::1", Answer(status=Status.FOUND, hosts=("2001:db8::1",))),
        (RecordType.PTR, "a.example. 60 PTR Mail.Example.", Answer(status=Status.FOUND, hosts=("mail.example",))),
        (
            RecordType.MX,
            "a.example. 60 MX 10 MX.Example.",
            Answer(status=Status.FOUND, exchanges=(MailExchange(10, "mx.example"),)),
        ),
    ],
)
def test_each_type_is_read_into_its_own_field(kind: RecordType, record: str, expected: Answer) -> None:
    found = response(Question("a.example", kind), record)
    assert (found.status, found.texts, found.hosts, found.exchanges) == (
        expected.status,
        expected.texts,
        expected.hosts,
        expected.exchanges,
    )


@pytest.mark.parametrize(("ttl", "held"), [(0, TTL_MIN), (60, 60), (86_400, TTL_MAX)])
def test_an_answer_holds_for_its_ttl_within_bounds(ttl: int, held: int) -> None:
    found = response(Question("a.example", RecordType.A), f"a.example. {ttl} A 192.0.2.1")
    assert found.expires == NOW + held


def test_a_cname_is_followed_and_the_shortest_ttl_holds() -> None:
    found = response(
        Question("a.example", RecordType.A), "a.example. 40 CNAME b.example.", "b.example. 600 A 192.0.2.1"
    )
    assert (found.hosts, found.expires) == (("192.0.2.1",), NOW + 40)


@pytest.mark.parametrize(
    ("code", "status"), [(dns.rcode.NOERROR, Status.NODATA), (dns.rcode.NXDOMAIN, Status.NXDOMAIN)]
)
@pytest.mark.parametrize(
    ("soa", "held"), [("600 60", 60), ("50 600", 50), ("9999 9999", NEGATIVE_MAX), ("0 0", 1), ("", TTL_MIN)]
)
def test_a_negative_answer_holds_as_its_soa_says(code: dns.rcode.Rcode, status: Status, soa: str, held: int) -> None:
    found = response(Question("a.example", RecordType.A), code=code, soa=soa)
    assert (found.status, found.expires) == (status, NOW + held)


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_a_server_in_trouble_tells_nothing_about_the_name(code: dns.rcode.Rcode) -> None:
    found = response(Question("a.example", RecordType.A), code=code)
    assert (found.status, found.expires) == (Status.TEMPERROR, NOW + FAILURE_TTL)
    assert found.reason == dns.rcode.to_text(code)


def test_an_endless_chain_of_aliases_is_a_temporary_error() -> None:
    chain = [f"{number}.example. 60 CNAME {number + 1}.example." for number in range(30)]
    found = response(Question("0.example", RecordType.A), *chain)
    assert (found.status, found.reason) == (Status.TEMPERROR, "unusable answer: ChainTooLong")


def test_a_query_taken_for_an_answer_is_a_temporary_error() -> None:
    query = dns.message.make_query("a.example.", "A")
    found = read(Question("a.example", RecordType.A), query, NOW)
    assert found.status is Status.TEMPERROR


def test_an_answer_to_another_question_is_a_temporary_error() -> None:
    query = dns.message.make_query("a.example.", "TXT")
    other = dns.message.make_response(query)
    other.answer.append(dns.rrset.from_text("a.example.", 60, "IN", "TXT", '"text"'))
    other = dns.message.from_wire(other.to_wire())
    found = read(Question("a.example", RecordType.A), other, NOW)
    assert (found.status, found.reason) == (Status.TEMPERROR, "answer to another question")
