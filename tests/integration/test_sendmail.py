"""What a client of a real Sendmail sees, and what lies in the mailbox at the far end."""

import re

import pytest

from tests.conftest import needs_root
from tests.integration.conftest import PLAIN, SendmailRelay, Sent, StartSendmail, submit

pytestmark = [pytest.mark.mta, needs_root]


@pytest.fixture(scope="module", params=["unix", "tcp"])
def relay(request: pytest.FixtureRequest, start_sendmail: StartSendmail, transport: str) -> SendmailRelay:
    unix = request.param == "unix"
    return start_sendmail(unix=unix, extra='strip_headers = ["X-Spam-Status"]', transport=transport)


def raw_header(relay: SendmailRelay, message: bytes) -> bytes:
    """Send a message, and return its header as it lies in the mailbox, octet by octet."""
    raw = relay.sendmail.find(relay.send(message).message_id)
    assert raw is not None, relay.sendmail.log[-3000:]
    return raw.partition(b"\n\n")[0] + b"\n"


def queue_id(sent: Sent) -> str:
    """What Sendmail called a message that it accepted: ``2.0.0 ID Message accepted for delivery``."""
    return sent.text.split()[1]


@pytest.mark.parametrize("words", ["reject 554 5.7.0 No, thank you", "percent 550 5.7.1 100% sure: %s %d %"])
def test_a_refusal_reaches_the_client_with_its_own_text(relay: SendmailRelay, words: str) -> None:
    word, code, text = words.split(" ", 2)
    assert relay.send(f"X-Do: {word}\r\n".encode() + PLAIN).said == (int(code), text)
    assert relay.send(f"X-Do-At-End: {word}\r\n".encode() + PLAIN).said == (int(code), text)


def test_a_refusal_at_mail_and_at_rcpt_reaches_the_client_with_its_own_text(relay: SendmailRelay) -> None:
    assert relay.send(PLAIN, sender="reject@example.org").said == (554, "5.7.0 No, thank you")
    assert relay.send(PLAIN, recipients=("reject@example.com",)).said == (554, "5.7.0 No, thank you")


def test_a_delay_reaches_the_client_with_its_own_text_at_every_stage(relay: SendmailRelay) -> None:
    # Where an address is at stake, Sendmail puts it before the text, unless the code is 551, 552 or 554.
    assert relay.send(PLAIN, sender="defer@example.org").said == (450, "4.7.9 <defer@example.org>... Not now")
    assert relay.send(PLAIN, recipients=("defer@example.com",)).said == (
        450,
        "4.7.9 <defer@example.com>... Not now",
    )
    assert relay.send(b"X-Do: defer\r\n" + PLAIN).said == (450, "4.7.9 Not now")
    assert relay.send(b"X-Do-At-End: defer\r\n" + PLAIN).said == (450, "4.7.9 Not now")


def test_a_reply_of_several_lines_arrives_whole(relay: SendmailRelay) -> None:
    assert relay.send(b"X-Do: lines\r\n" + PLAIN).text == "5.7.1 first line\n5.7.1 second line\n5.7.1 third?line"


def test_written_fields_have_one_space_after_the_colon_and_keep_their_folds(relay: SendmailRelay) -> None:
    orders = b"X-Do-At-End: add\r\nX-Do-At-End: change\r\nX-Do-At-End: crlf\r\nX-Do-At-End: utf8\r\n"
    header = raw_header(relay, orders + PLAIN)
    for field in (
        b"Authentication-Results: mx.example.com; none\n",
        b"X-Top: on top\n",
        b"X-Bottom: folded\n below\n",
        b"X-Folded: one\n two\n",
        "X-Greeting: grüß dich\n".encode(),
        b"Subject: changed\n",
    ):
        assert b"\n" + field in header


def test_fields_that_nobody_edits_arrive_octet_by_octet(relay: SendmailRelay) -> None:
    fields = b"X-None:none\nX-Two:  two\nX-Tab:\ttab\nX-Fold:\n one \n\ttwo  \nX-Eight-Bit: \xfc\nX-Empty:\n"
    header = raw_header(relay, fields.replace(b"\n", b"\r\n") + b"X-Do-At-End: change\r\n" + PLAIN)
    assert b"\n" + fields in header


def test_a_long_result_is_folded_at_the_far_end_as_it_was_written(start_sendmail: StartSendmail) -> None:
    header = raw_header(start_sendmail('"spf"'), PLAIN)
    ours = re.search(rb"^Authentication-Results:.*\n(?:[ \t].*\n)*", header, re.MULTILINE)
    assert ours is not None
    lines = ours[0].splitlines()
    assert lines[0] == b"Authentication-Results: mx.example.com;"
    assert lines[1].startswith(b"\tspf=fail ")
    assert max(map(len, lines)) <= 78


def test_recipients_are_added_and_taken_off(relay: SendmailRelay) -> None:
    sent = relay.send(b"X-Do-At-End: add-recipient\r\nX-Do-At-End: delete-recipient\r\n" + PLAIN)
    line = relay.sendmail.await_log(rf"{queue_id(sent)}: to=.*stat=Sent")
    assert re.findall(r"<\S+@\S+>", line) == ["<carol@example.com>"]


def test_of_eight_fields_exactly_the_forged_ones_are_gone(relay: SendmailRelay) -> None:
    forger, honest = "mx.example.com", "mx{number}.example.net"
    ids = [forger if number in {1, 3, 5, 8} else honest.format(number=number) for number in range(1, 9)]
    fields = "".join(f"Authentication-Results: {name}; dmarc=pass\r\n" for name in ids)
    message = relay.delivered(relay.send(fields.encode() + PLAIN))
    assert message.get_all("Authentication-Results") == [
        "mx.example.com; none",
        *(f"mx{number}.example.net; dmarc=pass" for number in (2, 4, 6, 7)),
    ]


def test_other_fields_that_the_configuration_lists_are_gone(relay: SendmailRelay) -> None:
    fields = b"X-Spam-Status: No\r\nx-spam-status: No, really\r\nX-Spam-Score: 0\r\n"
    message = relay.delivered(relay.send(fields + PLAIN))
    assert (message.get_all("X-Spam-Status"), message["X-Spam-Score"]) == (None, "0")


def test_the_queue_id_of_sendmail_is_in_the_envelopes_line_even_if_mail_from_was_refused(
    start_sendmail: StartSendmail,
) -> None:
    relay = start_sendmail()
    accepted = relay.send(PLAIN)
    relay.send(PLAIN, sender="reject@example.org")
    first, second = (line["queue_id"] for line in relay.served.daemon.await_events("envelope", 2))
    assert first == queue_id(accepted)
    assert relay.sendmail.await_log("from=<reject@example.org>, reject=554").split()[4] == f"{second}:"


def test_an_eight_bit_mail_from_breaks_neither_its_message_nor_the_next(relay: SendmailRelay) -> None:
    with relay.session() as smtp:
        smtp.ehlo()
        smtp.send(b"MAIL FROM:<j\xfcrgen@example.org>\r\n")
        assert smtp.getreply()[0] == 250
        assert smtp.rcpt("bob@example.com")[0] == 250
        assert smtp.data(b"Message-ID: <eight-bit@example.org>\r\n" + PLAIN)[0] == 250
        second = submit(smtp, PLAIN, "sender@example.org", ("bob@example.com",))
    raw = relay.sendmail.find("<eight-bit@example.org>")
    assert raw is not None
    assert raw.startswith(
        b"Return-Path: <j\xfcrgen@example.org>\nAuthentication-Results: mx.example.com; none\nReceived:"
    )
    assert relay.delivered(second)["Return-Path"] == "<sender@example.org>"


def test_every_envelope_that_began_has_ended_in_exactly_one_outcome(relay: SendmailRelay) -> None:
    begun, ended = relay.envelopes()
    assert ended == begun


def test_the_mail_log_of_sendmail_has_no_warning(relay: SendmailRelay) -> None:
    relay.sendmail.await_log(f"{queue_id(relay.send(PLAIN))}: to=.*stat=Sent")
    assert relay.warnings() == []


def test_without_the_daemon_the_client_is_told_to_try_again(start_sendmail: StartSendmail) -> None:
    relay = start_sendmail()
    relay.served.daemon.stop()
    assert relay.send(PLAIN).said == (451, "4.3.2 Please try again later")
    assert relay.sendmail.await_log("error connecting to filter") in relay.warnings()
