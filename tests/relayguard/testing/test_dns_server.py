import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from relayguard.testing.dns_server import DnsServer

ZONE = """\
a.example. IN TXT "hello"
long.example. IN TXT "{0}" "{0}" "{0}" "{0}" "{0}" "{0}"
$SERVFAIL broken.example.
$SILENT silent.example.
""".format("x" * 250)


def ask(server: DnsServer, name: str, seconds: float = 5.0) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, "TXT"), "127.0.0.1", seconds, server.port)


def test_records_negative_answers_and_trouble_are_served_over_udp() -> None:
    with DnsServer(ZONE) as server:
        assert '"hello"' in ask(server, "a.example.").answer[0].to_text()
        assert ask(server, "nothing.example.").rcode() == dns.rcode.NXDOMAIN
        assert ask(server, "example.").rcode() == dns.rcode.NOERROR
        assert ask(server, "x.broken.example.").rcode() == dns.rcode.SERVFAIL
        with pytest.raises(dns.exception.Timeout):
            ask(server, "silent.example.", seconds=0.2)
        assert server.queries["a.example TXT"] == 1


def test_what_is_too_long_for_udp_is_truncated_and_whole_over_tcp() -> None:
    with DnsServer(ZONE) as server:
        assert ask(server, "long.example.").flags & dns.flags.TC
        query = dns.message.make_query("long.example.", "TXT")
        assert len(dns.query.tcp(query, "127.0.0.1", 5, server.port).to_wire()) > 1500
