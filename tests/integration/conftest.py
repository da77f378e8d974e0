"""A real Postfix in front of real daemons, shared by the tests of a module."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from itertools import count

import pytest

from relayguard.testing.postfix import Postfix
from tests.conftest import Serve, Served, open_folder

LOGIN, PASSWORD = "bob@example.com", "secret"
_numbers = count(1)


@dataclass(frozen=True)
class Relay:
    """Postfix, and the daemon behind it."""

    postfix: Postfix
    served: Served

    def session(self, client: str = "127.0.0.10") -> smtplib.SMTP:
        """Open an SMTP session from a loopback address."""
        return smtplib.SMTP("127.0.0.1", self.postfix.smtp_port, "client.example", 60, (client, 0))

    def send(
        self,
        message: bytes,
        sender: str = "sender@example.org",
        recipients: tuple[str, ...] = ("bob@example.com",),
        client: str = "127.0.0.10",
    ) -> "Sent":
        """Send one message and return what the server said last."""
        with self.session(client) as smtp:
            return submit(smtp, message, sender, recipients)

    def delivered(self, sent: "Sent") -> Message:
        """Return the message as it lies in the mailbox."""
        raw = self.postfix.find(sent.message_id)
        assert raw is not None, f"{sent} was not delivered; log:\n{self.postfix.log[-3000:]}"
        return message_from_bytes(raw)


@dataclass(frozen=True)
class Sent:
    """The last SMTP reply, and the Message-ID by which the message is found again."""

    code: int
    text: str
    message_id: str

    @property
    def said(self) -> tuple[int, str]:
        """Code and text."""
        return self.code, self.text


def submit(smtp: smtplib.SMTP, message: bytes, sender: str, recipients: tuple[str, ...]) -> Sent:
    """Send one message in a session that is open."""
    message_id = f"<test-{next(_numbers)}@example.org>"
    smtp.ehlo_or_helo_if_needed()
    code, text = smtp.mail(sender)
    for recipient in recipients:
        if code < 400:
            rcpt_code, rcpt_text = smtp.rcpt(recipient)
            code, text = (rcpt_code, rcpt_text) if len(recipients) == 1 else (code, text)
    if code < 400:
        code, text = smtp.data(f"Message-ID: {message_id}\r\n".encode() + message)
    return Sent(code, text.decode("ascii", "replace"), message_id)


StartRelay = Callable[..., Relay]


@pytest.fixture(scope="module")
def start_relay(serve: Serve) -> Iterator[StartRelay]:
    """Start a Postfix with a daemon in front: takes what ``serve`` takes."""
    with ExitStack() as stack:

        def start(filters: str = '"obedient"', *, settings: dict[str, str] | None = None, **how: object) -> Relay:
            served = serve(filters, **how)
            postfix = Postfix(
                stack.enter_context(open_folder()),
                served.address,
                ("example.com",),
                users={LOGIN: PASSWORD},
                settings=settings or {},
            )
            return Relay(stack.enter_context(postfix), served)

        yield start
