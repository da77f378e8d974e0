"""What an MTA and the daemon say to each other is the same over both transports, event by event."""

import smtplib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from relayguard.testing.postfix import Postfix
from relayguard.testing.sendmail import Sendmail, unpack
from tests.conftest import TRANSPORTS, Serve, needs_root, open_folder
from tests.integration.conftest import SENDMAIL
from tests.integration.recorder import Conversation, Recorder, comparable

pytestmark = [pytest.mark.mta, needs_root]

CLIENT = "127.0.0.10"
HEAD = b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\nFrom: a@example.net\r\n"
ORDERS = ("add", "change", "delete", "body", "utf8", "sender", "add-recipient", "delete-recipient", "crlf")


@contextmanager
def recorded(mta: str, address: str) -> Iterator[tuple[Recorder, int]]:
    """A Postfix or Sendmail that talks to the daemon through a recorder, and its port."""
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(address))
        if mta == "postfix":
            folder = stack.enter_context(open_folder())
            postfix = stack.enter_context(Postfix(folder, recorder.address, ("example.com",)))
            yield recorder, postfix.smtp_port
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rg-", dir="/run")))
            folder.chmod(0o755)
            sendmail = stack.enter_context(
                Sendmail(folder / "sendmail", unpack(SENDMAIL), recorder.address, ("example.com",))
            )
            yield recorder, sendmail.smtp_port


def deliver(smtp: smtplib.SMTP, number: int, header: bytes, body: bytes, sender: str, *recipients: str) -> None:
    """Go as far as the server lets us."""
    smtp.mail(sender, ["SIZE=1000"])
    accepted = [smtp.rcpt(recipient)[0] for recipient in recipients]
    if 250 in accepted:
        smtp.data(HEAD % number + header + b"Subject: a\r\n\tfold\r\n\r\n" + body)
    smtp.rset()


def talk(port: int) -> None:
    """Three sessions with everything that a milter may be told or asked for."""
    with smtplib.SMTP("127.0.0.1", port, "client.example", 60, (CLIENT, 0)) as smtp:
        smtp.ehlo()
        orders = b"".join(f"X-Do-At-End: {order}\r\n".encode() for order in ORDERS)
        deliver(smtp, 1, orders + b"X-Old: 1\r\nX-Old: 2\r\n", b"body\r\n", "a@example.org", "bob@example.com")
        for number, word in enumerate(("reject", "defer", "discard", "quarantine", "lines", "percent"), 2):
            deliver(smtp, number, f"X-Do: {word}\r\n".encode(), b"b\r\n", "a@example.org", "bob@example.com")
        deliver(
            smtp,
            8,
            b"",
            b"x" * 70 + b"\r\n",
            "a@example.org",
            "bob@example.com",
            "reject@example.com",
            "c@example.com",
        )
        deliver(smtp, 9, b"", (b"y" * 70 + b"\r\n") * 3000, "early-edit@example.org", "bob@example.com")
        smtp.mail("a@example.org")
        smtp.rset()
        smtp.mail("reject@example.org")
    with smtplib.SMTP("127.0.0.1", port, "client.example", 60, (CLIENT, 0)) as smtp:
        smtp.helo("reject.example")
        smtp.mail("a@example.org")
    smtp = smtplib.SMTP("127.0.0.1", port, "client.example", 60, (CLIENT, 0))
    smtp.ehlo()
    smtp.mail("a@example.org")
    smtp.rcpt("bob@example.com")
    # Gone, without a word.
    smtp.close()


def conversations(mta: str, serve: Serve, transport: str) -> list[Conversation]:
    served = serve(transport=transport, tcp=True)
    with recorded(mta, served.address) as (recorder, port):
        talk(port)
        return recorder.await_ended(3, CLIENT.encode())


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_both_transports_hear_and_say_the_same(mta: str, serve: Serve) -> None:
    native, libmilter = (conversations(mta, serve, transport) for transport in TRANSPORTS)
    for one, other in zip(libmilter, native, strict=True):
        assert comparable(one.mta) == comparable(other.mta)
        assert comparable(one.milter) == comparable(other.milter)
    said = {name for conversation in native for name, _ in conversation.milter}
    assert said >= {"NEGOTIATE", "CONTINUE", "REPLY", "DISCARD", "QUARANTINE", "REPLACE_BODY", "CHANGE_SENDER"}
    assert said >= {"INSERT_HEADER", "ADD_HEADER", "CHANGE_HEADER", "ADD_RECIPIENT", "DELETE_RECIPIENT"}
    heard = {name for conversation in native for name, _ in conversation.mta}
    assert heard >= {"MACROS", "CONNECT", "HELO", "MAIL", "RCPT", "HEADER", "BODY", "END_OF_MESSAGE", "ABORT", "QUIT"}
