"""What a client sees, and what lies in the mailbox at the far end, whichever MTA stands in front."""

import smtplib

import pytest

from tests.conftest import needs_root
from tests.integration.conftest import PLAIN, Relay, SendmailRelay, StartRelay, StartSendmail, submit

pytestmark = [pytest.mark.mta, needs_root]

Either = Relay | SendmailRelay


@pytest.fixture(scope="module", params=["postfix-unix", "postfix-tcp", "sendmail-unix", "sendmail-tcp"])
def relay(
    request: pytest.FixtureRequest, start_relay: StartRelay, start_sendmail: StartSendmail, transport: str
) -> Either:
    mta, _, kind = request.param.partition("-")
    if mta == "postfix":
        return start_relay(tcp=kind == "tcp", transport=transport)
    return start_sendmail(unix=kind == "unix", transport=transport)


def test_delivered_mail_has_our_header_above_the_received_of_the_mta(relay: Either) -> None:
    message = relay.delivered(relay.send(PLAIN))
    names = [name for name, _ in message.items() if name in ("Authentication-Results", "Received")]
    assert names == ["Authentication-Results", "Received"]
    assert message["Authentication-Results"] == "mx.example.com; none"


def test_a_refusal_at_helo_reaches_the_client(relay: Either) -> None:
    with smtplib.SMTP("127.0.0.1", relay.mta.smtp_port, timeout=30) as smtp:
        code, text = smtp.helo("reject.example")
        if code < 400:
            # An MTA may hold the reply back until MAIL.
            code, text = smtp.mail("sender@example.org")
        assert (code, text) == (554, b"5.7.0 No, thank you")


def test_a_recipient_is_refused_alone_and_the_message_is_delivered_to_the_others(relay: Either) -> None:
    with relay.session() as smtp:
        smtp.ehlo()
        smtp.mail("sender@example.org")
        assert smtp.rcpt("reject@example.com") == (554, b"5.7.0 No, thank you")
        assert smtp.rcpt("bob@example.com")[0] == 250
        assert smtp.data(b"Message-ID: <alone@example.org>\r\n" + PLAIN)[0] == 250
    assert relay.mta.find("<alone@example.org>") is not None


def test_a_quarantined_message_is_accepted_and_held(relay: Either) -> None:
    held = relay.mta.held()
    assert relay.send(b"X-Do: quarantine\r\n" + PLAIN).code == 250
    assert relay.mta.held() == held + 1


def test_a_discarded_message_is_accepted_and_never_delivered(relay: Either) -> None:
    sent = relay.send(b"X-Do: discard\r\n" + PLAIN)
    assert sent.code == 250
    relay.delivered(relay.send(PLAIN))
    assert relay.mta.find(sent.message_id, seconds=0) is None


def test_every_edit_is_found_in_the_delivered_message(relay: Either) -> None:
    orders = ("add", "change", "delete", "body", "utf8", "sender")
    old = b"".join(b"X-Old: %d\r\n" % number for number in range(5))
    message = relay.delivered(
        relay.send(b"".join(f"X-Do-At-End: {order}\r\n".encode() for order in orders) + old + PLAIN)
    )
    assert message["X-Top"] == "on top"
    assert message["X-Bottom"] == "folded\n below"
    assert message["Subject"] == "changed"
    assert message.get_all("X-Old") == ["1", "3"]
    assert message.get_payload() == "a new body\n"
    assert message["Return-Path"] == "<other@example.org>"


def test_state_of_one_message_never_reaches_the_next_in_a_session(relay: Either) -> None:
    with relay.session() as smtp:
        first = submit(smtp, b"X-Do-At-End: add\r\n" + PLAIN, "early-edit@example.org", ("bob@example.com",))
        smtp.mail("early-edit@example.org")
        smtp.rset()
        second = submit(smtp, PLAIN, "sender@example.org", ("bob@example.com",))
    assert relay.delivered(first)["X-Early"] == "asked for at MAIL FROM"
    message = relay.delivered(second)
    assert (message["X-Early"], message["X-Top"]) == (None, None)
    assert message.get_all("Authentication-Results") == ["mx.example.com; none"]


def test_forged_headers_with_our_id_are_gone_and_foreign_ones_stay(relay: Either) -> None:
    forged = (
        b"Authentication-Results: mx.example.com; dmarc=pass\r\n"
        b"Authentication-Results: mx.example.org; spf=pass\r\n"
        b'AUTHENTICATION-RESULTS: (c) "MX.Example.COM" 1; dkim=pass\r\n'
        b"Authentication-Results: ;;mx.example.com dkim pass\r\n"
        b"Authentication-Results: mx2.example.org; none\r\n"
        b"Authentication-Results:\r\n mx.example.com; arc=pass\r\n"
        b"Authentication-Results : mx.example.com; iprev=pass\r\n"
    )
    message = relay.delivered(relay.send(forged + PLAIN))
    values = message.get_all("Authentication-Results")
    assert values == ["mx.example.com; none", "mx.example.org; spf=pass", "mx2.example.org; none"]


def test_every_envelope_that_began_has_ended_in_exactly_one_outcome(relay: Either) -> None:
    begun, ended = relay.envelopes()
    assert ended == begun


def test_the_mail_log_has_no_warning_of_the_milter(relay: Either) -> None:
    relay.delivered(relay.send(PLAIN))
    assert relay.warnings() == []
