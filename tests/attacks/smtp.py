"""An SMTP client that sends what it is given, byte for byte: no library would send most of the attacks."""

import socket
from types import TracebackType
from typing import Self

from tests.attacks.cases import RECIPIENT, Case, message_of


class Client:
    """One SMTP connection to `port`; a context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._lines = self._socket.makefile("rb")
        self._reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendall(b"QUIT\r\n")
        # The MTA hangs up when it has told the milter.
        self._lines.read()
        self._lines.close()
        self._socket.close()

    def deliver(self, case: Case) -> str:
        """Send the row as from its own address; return the last reply, a refusal if there was one."""
        address = case.client if "." in case.client and ":" not in case.client else f"IPV6:{case.client}"
        for line in (
            "EHLO client.example",
            # What follows is then the dialogue of a client with this address and login.
            f"XCLIENT NAME=[UNAVAILABLE] ADDR={address} PORT=54321 LOGIN={case.login or '[UNAVAILABLE]'}",
            f"EHLO {case.helo}",
            " ".join((f"MAIL FROM:<{case.mail_from}>", *case.parameters)),
            f"RCPT TO:<{RECIPIENT}>",
            "DATA",
        ):
            reply = self.say(line.encode())
            if reply[0] not in "23":
                return reply
        return self.say(stuffed(message_of(case)) + b".")

    def say(self, line: bytes) -> str:
        """Send a line; return the last line of the reply."""
        self._socket.sendall(line + b"\r\n")
        return self._reply()

    def _reply(self) -> str:
        while (line := self._lines.readline())[3:4] == b"-":
            pass
        if not line:
            raise EOFError("the server hung up")
        return line.decode("ascii", "replace").rstrip()


def ended(message: bytes) -> bytes:
    """The message as DATA can send it: its last line has its end."""
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def stuffed(message: bytes) -> bytes:
    """RFC 5321 §4.5.2: a line that begins with a dot gets another one."""
    return (b"\r\n" + ended(message)).replace(b"\r\n.", b"\r\n..")[2:]
