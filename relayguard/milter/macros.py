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

    __slots__ = ("_known", "_sent")

    def __init__(self) -> None:
        self._sent: dict[int, bytes] = {}
        self._known: dict[int, dict[str, str]] = {}

    def take(self, data: bytes) -> None:
        """Keep the data of a MACROS packet; it replaces what was sent for the same command before.

        Raises ProtocolError for what could fill our memory.
        """
        if data[:1] not in _COMMANDS or len(data) > _MAX_BYTES:
            raise ProtocolError(f"{len(data)} bytes of macros for {data[:1]!r}")
        # At the end, for the latest holds.
        command = data[0]
        if self._sent.pop(command, None) is not None:
            self._known.pop(command, None)
        self._sent[command] = data

    def forget_message(self) -> None:
        """Drop what belongs to an envelope that has ended, beyond its MAIL."""
        for command in [command for command in self._sent if command not in _LASTING]:
            del self._sent[command]
            self._known.pop(command, None)

    @property
    def latest(self) -> bytes:
        """The data of the packet that was taken last."""
        return next(reversed(self._sent.values()), b"")

    def queue_id(self) -> str | None:
        """Return the latest queue id of the envelope in progress."""
        for command in reversed(self._sent):
            if value := self._read(command).get("i"):
                return value
        return None

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values of `names`, of those that were sent; the latest holds."""
        sent: dict[str, str] = {}
        for command in self._sent:
            sent |= self._read(command)
        return {name: sent[name] for name in names if name in sent}

    def _read(self, command: int) -> dict[str, str]:
        known = self._known.get(command)
        if known is None:
            known = self._known[command] = _read(self._sent[command])
        return known


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
