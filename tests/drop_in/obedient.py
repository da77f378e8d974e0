"""Does what the message tells it to, so that tests can see every verdict and edit at the far end.

At HELO, MAIL and RCPT it reads the name before the first dot or @; later it reads ``X-Do`` (end of headers)
and ``X-Do-At-End`` (end of message).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from relayguard import (
    AddHeader,
    AddRecipient,
    Address,
    Body,
    ChangeHeader,
    ChangeSender,
    Decision,
    Defer,
    DeleteHeader,
    DeleteRecipient,
    Discard,
    Effect,
    Envelope,
    Headers,
    Message,
    Quarantine,
    Reject,
    ReplaceBody,
    Session,
    hookimpl,
)

VERDICTS: dict[str, Effect] = {
    "reject": Reject(text="No, thank you", code=554, enhanced="5.7.0"),
    "defer": Defer(text="Not now", code=450, enhanced="4.7.9"),
    "quarantine": Quarantine(reason="held by test"),
    "discard": Discard(reason="dropped by test"),
    "quarantine-lines": Quarantine(reason="held\nX-Evil: 1"),
    "percent": Reject(text="100% sure: %s %d %"),
    "lines": Reject(text="first line\nsecond line\r\nthird\rline"),
    "eight-bit": Reject(text="grüß dich \x00\x07"),
    "long": Reject(text="x" * 3000),
}

EDITS: dict[str, Callable[[Headers], list[Effect]]] = {
    "add": lambda _: [AddHeader("X-Top", "on top"), AddHeader("X-Bottom", "folded\n below", at_top=False)],
    "change": lambda headers: [ChangeHeader(header, "changed") for header in headers.all("Subject")],
    "delete": lambda headers: [DeleteHeader(header) for header in headers.all("X-Old")[::2]],
    "body": lambda _: [ReplaceBody(b"a new body\r\n")],
    "add-recipient": lambda _: [AddRecipient("carol@example.com")],
    "delete-recipient": lambda _: [DeleteRecipient("bob@example.com")],
    "sender": lambda _: [ChangeSender("other@example.org")],
    "crlf": lambda _: [AddHeader("X-Folded", "one\r\n two")],
    "utf8": lambda _: [AddHeader("X-Greeting", "grüß dich")],
}


class Obedient:
    """See the module."""

    @hookimpl
    def helo(self, session: Session) -> Iterator[Effect]:
        yield from _verdicts(session.helo)

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        yield from _verdicts(envelope.sender.local)
        if envelope.sender.local == "early-edit":
            yield AddHeader("X-Early", "asked for at MAIL FROM")

    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        yield from _verdicts(recipient.local)

    @hookimpl
    def end_of_headers(self, headers: Headers) -> Iterator[Effect]:
        yield from _obey(headers, "X-Do")

    @hookimpl
    async def end_of_message(self, headers: Headers, body: Body) -> AsyncIterator[Effect]:
        yield AddHeader("X-Body-Size", str(body.size), at_top=False)
        yield AddHeader("X-Thread", threading.current_thread().name, at_top=False)
        for header in headers.all("X-Do-At-End"):
            await asyncio.sleep({"wait": 12, "nap": 0.5}.get(header.text, 0))
        for effect in _obey(headers, "X-Do-At-End"):
            yield effect

    @hookimpl
    def outgoing(self, message: Message) -> Iterator[Effect]:
        names = ",".join(header.name for header in message.headers)
        yield AddHeader("X-Seen", names, at_top=False)

    @hookimpl
    def decided(self, decision: Decision) -> None:
        assert decision.outcome


def _verdicts(text: str) -> Iterator[Effect]:
    verdict = VERDICTS.get(text.partition(".")[0])
    if verdict is not None:
        yield verdict


def _obey(headers: Headers, name: str) -> Iterator[Effect]:
    for header in headers.all(name):
        if header.text == "raise":
            raise RuntimeError("told to")
        if header.text == "illegal":
            yield 42  # type: ignore[misc]  # what a careless author may do
        yield from _verdicts(header.text)
        order = EDITS.get(header.text)
        yield from order(headers) if order is not None else ()
