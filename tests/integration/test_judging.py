"""The filters that ship, behind a real Postfix: hostile mail costs the sender, and no other session."""

import base64

import pytest

from relayguard.testing.daemon import sample
from tests.conftest import needs_root
from tests.integration.conftest import Relay, StartRelay

pytestmark = [pytest.mark.mta, needs_root]

ZONE = """\
good.example. IN TXT "v=spf1 ip4:127.0.0.10 -all"
_dmarc.good.example. IN TXT "v=DMARC1; p=reject"
s._domainkey.good.example. IN TXT "v=DKIM1; p="
slow.example. IN TXT "v=spf1 include:silent.example -all"
_dmarc.slow.example. IN TXT "v=DMARC1; p=reject"
$SILENT silent.example.
"""
BODY_HASH = base64.b64encode(bytes(32)).decode()


@pytest.fixture(scope="module")
def relay(start_relay: StartRelay, slow_transport: str) -> Relay:
    return start_relay('"author", "spf", "dkim", "arc", "dmarc"', zone=ZONE, transport=slow_transport)


def mail(author: str, *headers: str, body: bytes = b"hello\r\n") -> bytes:
    lines = [*headers, f"From: <{author}>", "Subject: x", "", ""]
    return "\r\n".join(lines).encode() + body


def signature(b: str) -> str:
    return f"DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=s; h=from; bh={BODY_HASH}; b={b}"


HOSTILE = {
    "a line of 40 KB of spaces": mail("a@good.example", signature("AAAA"), body=b" " * 40_000 + b"x\r\n"),
    "64 KB of white space in a signature": mail("a@good.example", signature("A" + " \r\n" * 21_000 + " !")),
    "200,000 blank lines": mail("a@good.example", signature("AAAA"), body=b"\r\n" * 200_000 + b"x\r\n"),
    "fifty signatures": mail("a@good.example", *[signature(f"{n:04}") for n in range(50)]),
    "5,000 mailboxes in From": mail(">,<".join(f"a{n}@x.example" for n in range(5000))),
    "a thousand nested comments": mail("a@good.example>" + "(" * 1000 + ")" * 1000 + "<"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_judged_and_others_are_served_beside_it(relay: Relay, name: str) -> None:
    with relay.session("127.0.0.66") as hostile:
        hostile.ehlo()
        hostile.mail("a@good.example")
        hostile.rcpt("bob@example.com")
        assert relay.send(mail("a@good.example"), "a@good.example").code == 250
        code, _ = hostile.data(HOSTILE[name])
        # The author domain is not the attacker's, or there is none: refused by DMARC or for its From.
        assert code == 550
    assert relay.send(mail("a@good.example"), "a@good.example").code == 250


def test_a_fifty_megabyte_message_is_delivered_whole(relay: Relay) -> None:
    body = (b"x" * 70 + b"\r\n") * (50 * 1024 * 1024 // 72)
    sent = relay.send(mail("a@good.example", signature("AAAA"), body=body), "a@good.example")
    assert sent.code == 250
    raw = relay.postfix.find(sent.message_id, seconds=60)
    assert raw is not None
    assert len(raw) > 50_000_000


def test_a_slow_name_server_delays_its_own_mail_and_nobody_elses(relay: Relay) -> None:
    with relay.session() as slow, relay.session() as quick:
        slow.ehlo()
        quick.ehlo()
        slow.putcmd("mail", "from:<a@slow.example>")
        # While the first waits for DNS, another session gets its answer.
        assert quick.mail("a@good.example")[0] == 250
        assert slow.getreply()[0] == 250
        slow.rcpt("bob@example.com")
        assert slow.data(mail("a@slow.example"))[0] == 250
    line = next(line for line in relay.served.daemon.events("envelope") if line["sender"] == "a@slow.example")
    assert any(result.startswith("spf=temperror") for result in line["results"])
    assert any(result.startswith("dmarc=temperror") for result in line["results"])


def test_ten_signatures_are_verified_and_the_cap_is_counted(relay: Relay) -> None:
    before = sample(relay.served.metrics(), "relayguard_caps_hit_total", cap="dkim_signatures")
    relay.send(HOSTILE["fifty signatures"], client="127.0.0.66")
    results = relay.served.daemon.events("envelope")[-1]["results"]
    assert sum(result.startswith("dkim=") for result in results) == 10
    assert sample(relay.served.metrics(), "relayguard_caps_hit_total", cap="dkim_signatures") == before + 1
