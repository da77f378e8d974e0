"""What a client of a real Postfix sees, and what lies in the mailbox at the far end."""

import smtplib
import ssl

import pytest

from tests.conftest import needs_root
from tests.integration.conftest import LOGIN, PASSWORD, PLAIN, Relay, StartRelay, submit

pytestmark = [pytest.mark.mta, needs_root]


@pytest.fixture(scope="module", params=["unix", "tcp"])
def relay(request: pytest.FixtureRequest, start_relay: StartRelay, transport: str) -> Relay:
    return start_relay(tcp=request.param == "tcp", transport=transport)


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


def test_a_reply_of_several_lines_and_one_with_per_cent_signs_arrive_whole(relay: Relay) -> None:
    assert relay.send(b"X-Do: lines\r\n" + PLAIN).text == "5.7.1 first line\n5.7.1 second line\n5.7.1 third?line"
    assert relay.send(b"X-Do: percent\r\n" + PLAIN).text == "5.7.1 100% sure: %s %d %"


def test_recipients_are_added_and_taken_off(relay: Relay) -> None:
    sent = relay.send(b"X-Do-At-End: add-recipient\r\nX-Do-At-End: delete-recipient\r\n" + PLAIN)
    assert relay.delivered(sent)["Delivered-To"] == "carol@example.com"


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
    begun, ended = relay.envelopes()
    assert ended == begun


def test_the_mail_log_of_postfix_has_no_milter_warning(relay: Relay) -> None:
    relay.delivered(relay.send(PLAIN))
    assert relay.warnings() == []


def test_a_postfix_that_speaks_version_2_wants_a_reply_to_everything_and_gets_it(
    start_relay: StartRelay, transport: str
) -> None:
    relay = start_relay(transport=transport, settings={"milter_protocol": "2"})
    delivered = relay.delivered(relay.send(b"X-Do-At-End: add\r\n" + PLAIN))
    assert (delivered["Authentication-Results"], delivered["X-Bottom"]) == ("mx.example.com; none", "folded\n below")
    assert relay.send(b"X-Do: reject\r\n" + PLAIN).said == (554, "5.7.0 No, thank you")
    assert relay.send(PLAIN, recipients=("reject@example.com",)).said == (554, "5.7.0 No, thank you")
    assert relay.warnings() == []
