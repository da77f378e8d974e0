"""What verification leaves in a delivered message, through a real Postfix."""

import pytest

from tests.conftest import needs_root
from tests.integration.conftest import Relay, StartRelay, submit
from tests.relayguard_plugins.arc.sealing import arc_zone, seal

pytestmark = [pytest.mark.mta, needs_root]

RELAY = "127.0.0.77"
ZONE = """\
xn--mnchen-3ya.example. IN TXT "v=spf1 ip4:127.0.0.10 -all"
_dmarc.xn--mnchen-3ya.example. IN TXT "v=DMARC1; p=reject"
_dmarc.author.example. IN TXT "v=DMARC1; p=reject"
10.0.0.127.in-addr.arpa. IN PTR client.example.
client.example. IN A 127.0.0.10
""" + arc_zone()
RULES = f"""\
trusted_relays = ["{RELAY}"]
strip_headers = ["Received-SPF", "X-Spam-*"]
"""
TABLES = """
[filter.dmarc]
trusted_sealers = ["lists.example"]
"""
FILTERS = '"author", "spf", "received_spf", "dkim", "arc", "iprev", "dmarc"'


@pytest.fixture(scope="module")
def relay(start_relay: StartRelay, slow_transport: str) -> Relay:
    return start_relay(FILTERS, transport=slow_transport, zone=ZONE, extra=RULES, tables=TABLES)


def header_of(relay: Relay, message: bytes, sender: str, client: str = "127.0.0.10") -> str:
    """Our Authentication-Results as delivered, unfolded."""
    delivered = relay.delivered(relay.send(message, sender, client=client))
    return " ".join(delivered.get_all("Authentication-Results", [""])[0].split())


def test_all_checks_report_in_one_header(relay: Relay) -> None:
    header = header_of(relay, b"From: a@plain.example\r\n\r\nhello\r\n", "a@plain.example")
    methods = [entry.strip().partition("=")[0] for entry in header.split(";")[1:]]
    assert methods == ["spf", "spf", "dkim", "arc", "iprev", "dmarc"]
    assert "iprev=pass (client.example) policy.iprev=127.0.0.10" in header


def test_an_internationalized_sender_is_written_as_he_is_and_looked_up_in_a_labels(relay: Relay) -> None:
    # M-15
    message = "From: j\u00fcrgen@m\u00fcnchen.example\r\n\r\nhello\r\n".encode()
    with relay.session() as smtp:
        smtp.ehlo()
        smtp.command_encoding = "utf-8"
        assert smtp.mail("j\u00fcrgen@m\u00fcnchen.example", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert smtp.rcpt("bob@example.com")[0] == 250
        assert smtp.data(b"Message-ID: <eai@example.org>\r\n" + message)[0] == 250
    raw = relay.postfix.find("<eai@example.org>")
    assert raw is not None
    assert "spf=pass smtp.mailfrom=j\u00fcrgen@xn--mnchen-3ya.example".encode() in raw
    assert b"dmarc=pass header.from=xn--mnchen-3ya.example policy.dmarc=reject" in b" ".join(raw.split())


def test_a_message_that_a_trusted_list_sealed_is_delivered_and_says_why(relay: Relay) -> None:
    results = "lists.example; dmarc=pass header.from=author.example"
    message = seal(b"From: a@author.example\r\nSubject: x\r\n\r\nhello\r\n", results=results)
    header = header_of(relay, message, "bounces@lists.example")
    assert "arc=pass (i=1, sealed by lists.example) header.oldest-pass=0 smtp.remote-ip=127.0.0.10" in header
    assert "dmarc=fail (applied none, trusted_forwarder: ARC of lists.example)" in header
    changed = message.replace(b"hello", b"changed")
    assert relay.send(changed, "bounces@lists.example").code == 550


def test_what_a_relay_of_our_own_found_is_kept_and_taken_over(relay: Relay) -> None:
    theirs = (
        b"Authentication-Results: mx.example.com;\r\n\tspf=pass smtp.mailfrom=a@author.example;\r\n"
        b"\tiprev=fail policy.iprev=198.51.100.7\r\n"
        b"X-Spam-Score: 7\r\n"
    )
    sent = relay.send(theirs + b"From: a@author.example\r\n\r\nhello\r\n", "a@author.example", client=RELAY)
    delivered = relay.delivered(sent)
    fields = [" ".join(value.split()) for value in delivered.get_all("Authentication-Results", [])]
    assert len(fields) == 2
    assert f"spf=pass (found by {RELAY}) smtp.mailfrom=a@author.example" in fields[0]
    assert f"iprev=fail (found by {RELAY}) policy.iprev=198.51.100.7" in fields[0]
    assert "dmarc=pass header.from=author.example" in fields[0]
    assert fields[1].startswith("mx.example.com; spf=pass smtp.mailfrom=a@author.example")
    assert delivered["X-Spam-Score"] == "7"


def test_other_fields_of_trust_are_gone_and_ours_is_there(relay: Relay) -> None:
    # AR-06
    forged = (
        b"Received-SPF: pass (forged)\r\nX-Spam-Score: -10\r\nX-Other: stays\r\n"
        b"x-spam-flag: NO\r\nRECEIVED-SPF: pass (forged, too)\r\n"
    )
    with relay.session() as smtp:
        sent = submit(smtp, forged + b"From: a@plain.example\r\n\r\nx\r\n", "a@plain.example", ("bob@example.com",))
    delivered = relay.delivered(sent)
    received = [" ".join(value.split()) for value in delivered.get_all("Received-SPF", [])]
    assert [value.split(" ", 1)[0] for value in received] == ["none", "none"]
    assert 'client-ip=127.0.0.10; envelope-from="a@plain.example";' in received[0] + received[1]
    assert (delivered["X-Spam-Score"], delivered["X-Spam-Flag"], delivered["X-Other"]) == (None, None, "stays")
