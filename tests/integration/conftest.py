"""A real Postfix or Sendmail in front of real daemons, shared by the tests of a module."""

import smtplib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from itertools import count
from pathlib import Path

import pytest

from relayguard.testing.daemon import sample
from relayguard.testing.postfix import Postfix
from relayguard.testing.sendmail import Sendmail, unpack
from tests.conftest import TRANSPORT, Serve, Served, open_folder

LOGIN, PASSWORD = "bob@example.com", "secret"
SENDMAIL = Path(__file__).parents[2] / ".make" / "sendmail"
PLAIN = b"From: a@example.net\r\nSubject: hello\r\n\r\nbody\r\n"
WARNING = 4
_numbers = count(1)


class Sending:
    """Sends mail to an MTA, and finds it in the mailbox."""

    served: Served

    @property
    def mta(self) -> Postfix | Sendmail:
        raise NotImplementedError

    def session(self, client: str = "127.0.0.10") -> smtplib.SMTP:
        """Open an SMTP session from a loopback address."""
        return smtplib.SMTP("127.0.0.1", self.mta.smtp_port, "client.example", 60, (client, 0))

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
        raw = self.mta.find(sent.message_id)
        assert raw is not None, f"{sent} was not delivered; log:\n{self.mta.log[-3000:]}"
        return message_from_bytes(raw)

    def envelopes(self) -> tuple[float, float]:
        """Send one more message, and return how many envelopes have begun, and how many of them have ended."""
        self.send(PLAIN)
        begun = sample(self.served.metrics(), "relayguard_envelopes_begun_total")
        self.served.daemon.await_events("envelope", int(begun))
        return begun, sample(self.served.metrics(), "relayguard_envelopes_total")


@dataclass(frozen=True)
class Relay(Sending):
    """Postfix, and the daemon behind it."""

    postfix: Postfix
    served: Served

    @property
    def mta(self) -> Postfix:
        return self.postfix

    def warnings(self) -> list[str]:
        """What Postfix logged as a warning about its milter."""
        return [line for line in self.postfix.log.splitlines() if "warning" in line and "milter" in line]


@dataclass(frozen=True)
class SendmailRelay(Sending):
    """Sendmail, and the daemon behind it."""

    sendmail: Sendmail
    served: Served

    @property
    def mta(self) -> Sendmail:
        return self.sendmail

    def warnings(self) -> list[str]:
        """What Sendmail logged as a warning or worse (RFC 5424 section 6.2.1: severity is the priority modulo 8)."""
        return [line for line in self.sendmail.log.splitlines() if int(line[1 : line.index(">")]) % 8 <= WARNING]


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


StartSendmail = Callable[..., SendmailRelay]


@pytest.fixture(scope="module")
def start_sendmail(serve: Serve) -> Iterator[StartSendmail]:
    """Start a Sendmail with a daemon in front: takes what ``serve`` takes, but where the daemon listens."""
    with ExitStack() as stack:

        def start(
            filters: str = '"obedient"',
            *,
            unix: bool = False,
            extra: str = "",
            transport: str = TRANSPORT,
            **how: object,
        ) -> SendmailRelay:
            # Sendmail trusts no socket below /tmp, where `serve` makes its own.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rg-", dir="/run")))
            folder.chmod(0o755)
            private = f"unix:{folder}/milter.sock"
            listener = f'[listener.sendmail]\naddress = "{private}"\nmode = "0666"\ntransport = "{transport}"\n'
            also = f"{extra}\n{listener}" if unix else extra
            served = serve(filters, tcp=True, extra=also, transport=transport, **how)
            sendmail = Sendmail(
                folder / "sendmail", unpack(SENDMAIL), private if unix else served.address, ("example.com",)
            )
            return SendmailRelay(stack.enter_context(sendmail), served)

        yield start
