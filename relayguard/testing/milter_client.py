"""A milter client: plays the MTA to a running daemon, over the real wire."""

import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from types import TracebackType
from typing import Self

from relayguard.core.message import split_message
from relayguard.milter import protocol
from relayguard.milter.protocol import (
    ALL_ACTIONS,
    ALL_PROTOCOL,
    EDITS,
    MAX_CHUNK,
    NEVER_ANSWERED,
    NEVER_SENT,
    VERSION,
    Command,
    Edit,
    Negotiation,
    Packet,
    PacketReader,
    Protocol,
    Response,
)
from relayguard.testing.daemon import connect


@dataclass(frozen=True, slots=True)
class Reply:
    """The milter's answer to one command; `text` is the SMTP reply, if it gave one."""

    response: Response
    text: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a message: the final reply, and the edits that came before it."""

    reply: Reply
    edits: list[Edit] = field(default_factory=list)

    def added(self, name: str) -> list[str]:
        """Return the values of the header fields that were added under `name`."""
        kinds = (Response.ADD_HEADER, Response.INSERT_HEADER)
        return [e.texts[1].decode() for e in self.edits if e.kind in kinds and e.texts[0] == name.encode()]

    @property
    def deleted(self) -> list[tuple[str, int]]:
        """The header fields that were deleted, as name and 1-based index, in order."""
        changes = [edit for edit in self.edits if edit.kind is Response.CHANGE_HEADER]
        return [(edit.texts[0].decode(), edit.index) for edit in changes if edit.texts[1:] in ((), (b"",))]


CONTINUE = Reply(Response.CONTINUE)


class MilterClient:
    """One milter connection to ``unix:/path`` or ``inet:host:port``; a context manager.

    `negotiated` is what the milter took of what was offered, `requested` the macros it asks for, by the
    number of their stage (0 connect, 1 HELO, 2 MAIL, 3 RCPT, 4 DATA, 5 end of message, 6 end of headers).
    `progress` counts how often the milter asked for patience.
    """

    def __init__(
        self,
        address: str,
        *,
        actions: int = ALL_ACTIONS,
        offered: int = ALL_PROTOCOL,
        version: int = VERSION,
        seconds: float = 30.0,
    ) -> None:
        self._socket: socket.socket = connect(address, seconds)
        self._reader = PacketReader()
        self._packets: list[Packet] = []
        self.progress = 0
        try:
            self._send(Command.NEGOTIATE, Negotiation(version, actions, Protocol(offered)).encode())
            answer = self._receive().data
        except BaseException:
            self.drop()
            raise
        self.negotiated = Negotiation.decode(answer)
        self.requested = protocol.macro_lists(answer[12:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()

    def connect(self, host: bytes = b"client.example", address: str | None = "192.0.2.1", **macros: bytes) -> Reply:
        """Report a client."""
        self.macros(Command.CONNECT, {"j": b"mx.example.com", "{daemon_name}": b"smtpd"} | _braced(macros))
        parsed = ip_address(address) if address is not None else None
        port = 12345 if isinstance(parsed, IPv4Address) else 54321
        return self.command(Command.CONNECT, protocol.connect(host, parsed, port))

    def helo(self, name: bytes = b"client.example", **macros: bytes) -> Reply:
        """Say HELO for the client."""
        self.macros(Command.HELO, _braced(macros))
        return self.command(Command.HELO, protocol.strings(name))

    def mail_from(self, path: bytes = b"<sender@example.org>", *words: bytes, **macros: bytes) -> Reply:
        """Begin an envelope; `macros` such as ``auth_authen=b"bob"`` get their braces here."""
        self.macros(Command.MAIL, _braced(macros))
        return self.command(Command.MAIL, protocol.strings(path, *words))

    def rcpt_to(self, path: bytes = b"<bob@example.com>") -> Reply:
        """Name a recipient."""
        return self.command(Command.RCPT, protocol.strings(path))

    def begin(self, raw: bytes, queue_id: bytes = b"Q1") -> Reply:
        """Send a message, headers and body, but not its end; return the first refusal, if any."""
        pairs, body = split_message(raw)
        self.macros(Command.DATA, {"i": queue_id})
        replies = [self.command(Command.DATA)]
        replies += [self._header(name, value) for name, value in pairs]
        replies.append(self.command(Command.END_OF_HEADERS))
        for start in range(0, len(body), MAX_CHUNK):
            replies.append(self.command(Command.BODY, body[start : start + MAX_CHUNK]))
        return next((reply for reply in replies if reply != CONTINUE), CONTINUE)

    def message(self, raw: bytes, queue_id: bytes = b"Q1") -> Judged:
        """Send a whole message and return what became of it."""
        refusal = self.begin(raw, queue_id)
        return self.end_of_message() if refusal == CONTINUE else Judged(refusal)

    def _header(self, name: str, value: bytes) -> Reply:
        # As Postfix does: folds are bare line feeds, and a leading space only if asked for.
        folded = value.replace(b"\r\n", b"\n")
        sent = folded if self.negotiated.protocol & Protocol.LEADING_SPACE else folded.removeprefix(b" ")
        return self.command(Command.HEADER, protocol.strings(name.encode("latin-1"), sent))

    def end_of_message(self) -> Judged:
        """End the message and collect the edits."""
        self.end()
        edits: list[Edit] = []
        while True:
            packet = self._receive()
            response = Response(packet.command)
            if response in EDITS:
                edits.append(Edit.decode(packet))
            elif response is Response.PROGRESS:
                self.progress += 1
            else:
                return Judged(_reply(packet), edits)

    def end(self) -> None:
        """End the message, and do not wait for what becomes of it."""
        self._send(Command.END_OF_MESSAGE)

    def deliver(
        self,
        raw: bytes,
        sender: bytes = b"<sender@example.org>",
        recipients: Sequence[bytes] = (b"<bob@example.com>",),
    ) -> Judged:
        """Send one envelope with a message in it; a refusal of the sender ends it at once."""
        reply = self.mail_from(sender)
        if reply != CONTINUE:
            return Judged(reply)
        for recipient in recipients:
            self.rcpt_to(recipient)
        return self.message(raw)

    def abort(self) -> None:
        """Give the envelope up (RSET)."""
        self._send(Command.ABORT)

    def quit(self) -> None:
        """Say goodbye and hang up."""
        with contextlib.suppress(OSError):
            self._send(Command.QUIT)
        self._socket.close()

    def drop(self) -> None:
        """Hang up without a word."""
        self._socket.close()

    def macros(self, command: Command, values: Mapping[str, bytes]) -> None:
        """Send the macros for the command that follows."""
        if values:
            self._send(Command.MACROS, protocol.macros(command, values))

    def command(self, command: Command, data: bytes = b"") -> Reply:
        """Send a command if the milter wants it, and return its answer if it gives one."""
        if self.negotiated.protocol & NEVER_SENT[command]:
            return CONTINUE
        self._send(command, data)
        if self.negotiated.protocol & NEVER_ANSWERED[command]:
            return CONTINUE
        return _reply(self._receive())

    def send_raw(self, data: bytes) -> None:
        """Send bytes that need be no packet."""
        self._socket.sendall(data)

    def _send(self, command: Command, data: bytes = b"") -> None:
        self._socket.sendall(Packet(command.value, data).encode())

    def _receive(self) -> Packet:
        while not self._packets:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the milter hung up")
            self._packets += [Packet(bytes((command,)), rest) for command, rest in self._reader.feed(data)]
        return self._packets.pop(0)


def _braced(macros: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name if len(name) == 1 else f"{{{name}}}": value for name, value in macros.items()}


def _reply(packet: Packet) -> Reply:
    # An MTA reads the text as a format, so a per cent sign comes doubled.
    text = packet.data.removesuffix(b"\0").decode("utf-8", "replace").replace("%%", "%")
    return Reply(Response(packet.command), text)
