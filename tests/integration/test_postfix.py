"""What a client of a real Postfix sees, and what lies in the mailbox at the far end."""

import smtplib
import ssl

import pytest

from tests.conftest import needs_root
from tests.integration.conftest import LOGIN, PASSWORD, Relay, StartRelay, submit

pytestmark = [pytest.mark.mta, needs_root]

PLAIN = b"From: a@example.net\r\nSubject: hello\r\n\r\nbody\r\n"


@pytest.fixture(scope="module", params=["unix", "tcp"])
def relay(request: pytest.FixtureRequest, start_relay: StartRelay) -> Relay:
    return start_relay(tcp=request.param == "tcp")


def test_delivered_mail_has_our_header_above_the_received_of_postfix(relay: Relay) -> None:
    message = relay.delivered(relay.send(PLAIN))
    names = [name for name, _ in message.items() if name in ("Authentication-Results", "Received")]
    assert names == ["Authentication-Results", "Received"]
    assert message["Authentication-Results"] == "mx.example.com; none"


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [("reject", 554, "5.7.0 No, thank you"), ("defer", 450, "4.7.9 Not now")],
)
def test_a_refusal_reaches_the_client_at_every_stage_with_its_own_text(
    relay: Relay, word: str, code: int, text: str
) -> None:
    assert relay.send(PLAIN, sender=f"{word}@example.org").said == (code, text)
    assert relay.send(PLAIN, recipients=(f"{word}@example.com",)).said == (code, text)
    assert relay.send(f"X-Do: {word}\r\n".encode() + PLAIN).said == (code, text)
    assert relay.send(f"X-Do-At-End: {word}\r\n".encode() + PLAIN).said == (code, text)


def test_a_refusal_at_helo_reaches_the_client(relay: Relay) -> None:
    with smtplib.SMTP("127.0.0.1", relay.postfix.smtp_port, timeout=30) as smtp:
        code, text = smtp.helo("reject.example")
        if code < 400:
            # Postfix may hold the reply back until MAIL.
            code, text = smtp.mail("sender@example.org")
        assert (code, text) == (554, b"5.7.0 No, thank you")


def test_a_recipient_is_refused_alone_and_the_message_is_delivered_to_the_others(relay: Relay) -> None:
    with relay.session() as smtp:
        smtp.ehlo()
        smtp.mail("sender@example.org")
        assert smtp.rcpt("reject@example.com") == (554, b"5.7.0 No, thank you")
        assert smtp.rcpt("bob@example.com")[0] == 250
        assert smtp.data(b"Message-ID: <alone@example.org>\r\n" + PLAIN)[0] == 250
    assert relay.postfix.find("<alone@example.org>") is not None


def test_a_reply_of_several_lines_and_one_with_per_cent_signs_arrive_whole(relay: Relay) -> None:
    assert relay.send(b"X-Do: lines\r\n" + PLAIN).text == "5.7.1 first line\n5.7.1 second line\n5.7.1 third?line"
    assert relay.send(b"X-Do: percent\r\n" + PLAIN).text == "5.7.1 100% sure: %s %d %"


def test_a_quarantined_message_is_accepted_and_held(relay: Relay) -> None:
    held = relay.postfix.held()
    assert relay.send(b"X-Do: quarantine\r\n" + PLAIN).code == 250
    assert relay.postfix.held() == held + 1


def test_a_discarded_message_is_accepted_and_never_delivered(relay: Relay) -> None:
    sent = relay.send(b"X-Do: discard\r\n" + PLAIN)
    assert sent.code == 250
    relay.delivered(relay.send(PLAIN))
    assert relay.postfix.find(sent.message_id, seconds=0) is None


def test_every_edit_is_found_in_the_delivered_message(relay: Relay) -> None:
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


def test_recipients_are_added_and_taken_off(relay: Relay) -> None:
    sent = relay.send(b"X-Do-At-End: add-recipient\r\nX-Do-At-End: delete-recipient\r\n" + PLAIN)
    assert relay.delivered(sent)["Delivered-To"] == "carol@example.com"


def test_state_of_one_message_never_reaches_the_next_in_a_session(relay: Relay) -> None:
    with relay.session() as smtp:
        first = submit(smtp, b"X-Do-At-End: add\r\n" + PLAIN, "early-edit@example.org", ("bob@example.com",))
        smtp.mail("early-edit@example.org")
        smtp.rset()
        second = submit(smtp, PLAIN, "sender@example.org", ("bob@example.com",))
    assert relay.delivered(first)["X-Early"] == "asked for at MAIL FROM"
    message = relay.delivered(second)
    assert (message["X-Early"], message["X-Top"]) == (None, None)
    assert message.get_all("Authentication-Results") == ["mx.example.com; none"]


def test_forged_headers_with_our_id_are_gone_and_foreign_ones_stay(relay: Relay) -> None:
    forged = (
        b"Authentication-Results: mx.example.com; dmarc=pass\r\n"
        b"Authentication-Results: mx.example.org; spf=pass\r\n"
        b'AUTHENTICATION-RESULTS: (c) "MX.Example.COM" 1; dkim=pass\r\n'
        b"Authentication-Results: ;;mx.example.com dkim pass\r\n"
        b"Authentication-Results: mx2.example.org; none\r\n"
        b"Authentication-Results:\r\n mx.example.com; arc=pass\r\n"
    )
    message = relay.delivered(relay.send(forged + PLAIN))
    values = message.get_all("Authentication-Results")
    assert values == ["mx.example.com; none", "mx.example.org; spf=pass", "mx2.example.org; none"]


def test_an_authenticated_user_is_a_submission_and_the_login_stays_out_of_the_header(relay: Relay) -> None:
    with smtplib.SMTP("127.0.0.1", relay.postfix.submission_port, "laptop.example", 30) as smtp:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        smtp.starttls(context=context)
        smtp.login(LOGIN, PASSWORD)
        sent = submit(smtp, PLAIN, LOGIN, ("bob@example.com",))
    header = relay.delivered(sent)["Authentication-Results"]
    assert header == "mx.example.com;\n\tauth=pass"
    line = relay.served.daemon.events("envelope")[-1]
    assert line["role"] == "submission"
    assert line["queue_id"]


def test_every_envelope_that_began_has_ended_in_exactly_one_outcome(relay: Relay) -> None:
    from relayguard.testing.daemon import sample

    relay.send(PLAIN)
    begun = sample(relay.served.metrics(), "relayguard_envelopes_begun_total")
    relay.served.daemon.await_events("envelope", int(begun))
    assert sample(relay.served.metrics(), "relayguard_envelopes_total") == begun


def test_the_mail_log_of_postfix_has_no_milter_warning(relay: Relay) -> None:
    relay.delivered(relay.send(PLAIN))
    assert [line for line in relay.postfix.log.splitlines() if "warning" in line and "milter" in line] == []
