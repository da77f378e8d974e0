"""The received_spf filter: writes a Received-SPF field for each result of SPF (RFC 7208 §9.1)."""

import re
from collections.abc import Iterator
from typing import ClassVar

from relayguard import AddHeader, Effect, Envelope, Results, Services, Session, SpfResult, hookimpl, printable

# RFC 5322 §3.2.3; whatever else there is must be quoted.
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_IN_COMMENT = str.maketrans("()\\", "???")


class ReceivedSpfFilter:
    """Adds the fields on top; what a relay of our own has found, it has written itself."""

    requires: ClassVar[frozenset[str]] = frozenset({"spf"})

    def __init__(self, services: Services) -> None:
        self._receiver = services.authserv_id

    @hookimpl
    def end_of_message(self, session: Session, envelope: Envelope, results: Results) -> Iterator[Effect]:
        """Write a field for MAIL FROM, and one for HELO."""
        for result in results.of(SpfResult):
            if result.source is None:
                yield AddHeader("Received-SPF", self._value(result, session, envelope))

    def _value(self, result: SpfResult, session: Session, envelope: Envelope) -> str:
        pairs = {
            "client-ip": str(session.client_address or "unknown"),
            "envelope-from": str(envelope.sender) or printable(envelope.sender.raw),
            "helo": session.helo,
            "receiver": self._receiver,
            "identity": str(result.identity),
        }
        if result.reason:
            pairs["problem"] = result.reason
        comment = printable(f"{self._receiver}: {result.domain}").translate(_IN_COMMENT)
        written = [f"{key}={_quoted(value)}" for key, value in pairs.items()]
        return "\n\t".join([f"{result.value} ({comment})", *(f"{each};" for each in written)])


def _quoted(value: str) -> str:
    text = printable(value)
    if _DOT_ATOM.match(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
