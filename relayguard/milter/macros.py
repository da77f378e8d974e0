"""The macros of an MTA: what Relayguard asks for by stage, and what was sent."""

from collections.abc import Iterable, Mapping

from relayguard.core.stages import Stage
from relayguard.milter.protocol import Command, ProtocolError

USUAL: Mapping[Stage, tuple[str, ...]] = {
    Stage.CONNECT: ("j", "{daemon_name}", "{client_addr}", "{client_port}"),
    Stage.HELO: ("{tls_version}", "{cipher}", "{cipher_bits}"),
    # {client_addr} again: a host name that is not UTF-8 makes libmilter's binding lose the connect event.
    Stage.MAIL_FROM: ("i", "{auth_type}", "{auth_authen}", "{client_addr}", "{daemon_name}"),
    Stage.RCPT_TO: ("i",),
    Stage.END_OF_HEADERS: ("i",),
    Stage.END_OF_MESSAGE: ("i",),
}
"""Postfix has a queue id (``i``) only from the first accepted recipient on, Sendmail from MAIL FROM."""


def requested(declared: Iterable[str]) -> dict[Stage, tuple[str, ...]]:
    """Return all macros to ask for: the usual ones, and at MAIL FROM those that filters declared."""
    wanted = dict(USUAL)
    wanted[Stage.MAIL_FROM] = tuple(dict.fromkeys([*USUAL[Stage.MAIL_FROM], *sorted(declared)]))
    return wanted


class Macros:
    """What an MTA has sent so far, by the command that it belongs to; read only when somebody asks.

    A value that is not UTF-8 counts as not sent, as libmilter's binding has it.
    """

    __slots__ = ("_sent",)

    def __init__(self) -> None:
        self._sent: dict[int, bytes] = {}

    def take(self, data: bytes) -> None:
        """Keep the data of a MACROS packet; it replaces what was sent for the same command before.

        Raises ProtocolError for what could fill our memory.
        """
        if data[:1] not in _COMMANDS or len(data) > _MAX_BYTES:
            raise ProtocolError(f"{len(data)} bytes of macros for {data[:1]!r}")
        # At the end, for the latest holds.
        self._sent.pop(data[0], None)
        self._sent[data[0]] = data

    def forget_message(self) -> None:
        """Drop what belongs to an envelope that has ended, beyond its MAIL."""
        self._sent = {command: data for command, data in self._sent.items() if command in _LASTING}

    def queue_id(self) -> str | None:
        """Return the latest queue id of the envelope in progress."""
        for data in reversed(self._sent.values()):
            if b"i\0" in data and (value := _read(data).get("i")):
                return value
        return None

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values of `names`, of those that were sent; the latest holds."""
        sent: dict[str, str] = {}
        for data in self._sent.values():
            sent |= _read(data)
        return {name: sent[name] for name in names if name in sent}


_LASTING = frozenset(b"CHM")
_COMMANDS = frozenset(command.value for command in Command)
_MAX_BYTES = 64 * 1024


def _read(data: bytes) -> dict[str, str]:
    texts = data[1:].split(b"\0")
    read: dict[str, str] = {}
    for name, value in zip(texts[::2], texts[1::2], strict=False):
        try:
            read[name.decode("ascii")] = value.decode("utf-8")
        except UnicodeDecodeError:
            continue
    return read
