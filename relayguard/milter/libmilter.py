"""The libmilter transport: the only importer of pymilter.

libmilter's threads only collect, hand over to the event loop, and wait where a reply is due. Debian's
libmilter moves a connection between OS threads, so no filter ever runs on one of them. An exception or
a verdict in a callback whose reply was negotiated away would hang the session until the MTA's time-out:
every callback is guarded, and a verdict waits in the transaction until a reply is due.

All of libmilter's callbacks are static: one transport serves one listener in a process.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

import milter

from relayguard.core.edits import (
    AddHeader,
    AddRecipient,
    ChangeSender,
    DeleteRecipient,
    ReplaceBody,
)
from relayguard.core.ledger import SetHeader, Step
from relayguard.core.stages import Stage
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Discard, Quarantine, Reject
from relayguard.log import Logger
from relayguard.milter.answers import UNAVAILABLE, folded, reason_of
from relayguard.milter.fields import Fields
from relayguard.milter.link import Link
from relayguard.milter.macros import requested
from relayguard.milter.negotiation import ACTIONS, MACRO_STAGES, NO_REPLY, wanted
from relayguard.milter.protocol import read_address
from relayguard.pipeline.connection import Client, Pipeline
from relayguard.pipeline.record import MilterFailure
from relayguard.pipeline.transaction import Ending

_HAND_OVER_BYTES = 256 * 1024
"""So much of a body may wait before libmilter's thread, and with it the MTA, waits for the event loop."""

_PROGRESS_SECONDS = 10.0
_READ_TIMEOUT = 7210


class LibmilterTransport:
    """Serves one listener through libmilter; hooks run on `loop`, never on libmilter's threads."""

    def __init__(self, pipeline: Pipeline, loop: asyncio.AbstractEventLoop, logger: Logger) -> None:
        self._pipeline = pipeline
        self._loop = loop
        self._logger = logger
        self._macros = requested(pipeline.needs.macros)
        self._links: set[Link] = set()
        self._wanted = int(wanted(pipeline.needs))
        self._listener: socket.socket | None = None

    @property
    def sessions(self) -> int:
        """How many milter connections are open."""
        return len(self._links)

    @property
    def transactions(self) -> int:
        """How many envelopes are in progress."""
        return sum(link.begun for link in tuple(self._links))

    def active(self, seconds: float) -> int:
        """How many milter connections have an envelope in progress, or said something in the last seconds."""
        since = time.monotonic() - seconds
        return sum(link.begun or link.touched > since for link in tuple(self._links))

    def serve(self, listeners: Mapping[str, socket.socket], ended: Callable[[], None]) -> None:
        """Serve on the one listener in a thread; `ended` is called on the loop if libmilter gives up."""
        (listener,) = listeners.values()
        self._listener = listener
        # Made now, when there is a descriptor to be had.
        self._dead = _dead_listener(listener.family)
        self._register()
        listener.settimeout(0)
        milter.setconn(f"fd:{listener.fileno()}")
        milter.settimeout(_READ_TIMEOUT)

        def run() -> None:
            try:
                milter.main()
            except milter.error as error:
                self._logger.error("libmilter ended", error=str(error))
            self._loop.call_soon_threadsafe(ended)

        threading.Thread(target=run, name="libmilter", daemon=True).start()

    def detach(self) -> None:
        """Accept nothing more. libmilter itself cannot do this: its own stop drops sessions.

        A listener that nobody can reach is put in place of ours, under the same file descriptor.
        """
        if self._listener is not None:
            os.dup2(self._dead.fileno(), self._listener.fileno())

    def _register(self) -> None:
        guarded = self._guard
        milter.set_flags(int(ACTIONS))
        # The binding decodes some strings as UTF-8 before Python runs; what it cannot decode is a callback
        # missed. With any other policy the session would hang where no reply is due.
        milter.set_exception_policy(milter.CONTINUE)
        milter.set_connect_callback(guarded(self._connect, milter.P_NR_CONN))
        milter.set_helo_callback(guarded(self._helo, milter.P_NR_HELO))
        milter.set_envfrom_callback(guarded(self._mail_from, milter.P_NR_MAIL))
        milter.set_envrcpt_callback(guarded(self._rcpt_to, milter.P_NR_RCPT))
        milter.set_header_callback(guarded(self._header, milter.P_NR_HDR))
        milter.set_eoh_callback(guarded(self._end_of_headers, milter.P_NR_EOH))
        milter.set_body_callback(guarded(self._body, milter.P_NR_BODY))
        milter.set_eom_callback(guarded(self._end_of_message))
        milter.set_abort_callback(guarded(self._abort))
        milter.set_close_callback(guarded(self._close))
        milter.register("relayguard", negotiate=guarded(self._negotiate))

    def _guard(self, callback: Callable[..., int], no_reply: int = 0) -> Callable[..., int]:
        """Let no exception reach C. `no_reply` is the bit by which this callback's reply is negotiated away."""

        def guarded(context: milter.Context, *arguments: object) -> int:
            try:
                return callback(context, *arguments)
            # The edge: the session must get an answer, but only where one is due.
            except Exception as error:
                link: Link | None = context.getpriv()
                if link is None and callback != self._negotiate:
                    # Who did not negotiate is no MTA; his mistakes must not fill our log.
                    return self._answer(context, UNAVAILABLE)
                queue_id = link.connection.queue_id if link is not None else None
                self._logger.error(
                    "milter callback failed",
                    callback=callback.__name__,
                    error=printable(repr(error), 500),
                    queue_id=printable(queue_id or "", 64),
                )
                self._pipeline.observer.milter_failed(MilterFailure.COMMAND)
                if link is None:
                    return self._answer(context, UNAVAILABLE)
                self._give_up(link)
                if link.negotiated & no_reply:
                    link.failed = True
                    return milter.NOREPLY
                return self._answer(context, UNAVAILABLE)

        return guarded

    def _give_up(self, link: Link) -> None:
        """End the envelope in progress as failed, after what is still running was stopped."""
        if link.running is not None:
            link.running.cancel()
        link.begun = False
        link.waiting = [link.connection.fail]
        self._hand_over(link)

    def _negotiate(self, context: milter.Context, options: list[int]) -> int:
        offered_actions, offered_protocol = options[0], options[1]
        granted = int(ACTIONS) & offered_actions
        negotiated = self._wanted & offered_protocol
        fields = Fields(self._pipeline.rules.strip_headers, leading_space=bool(negotiated & milter.P_HDR_LEADSPC))
        link = Link(self._pipeline.open(), fields, negotiated)
        self._links.add(link)
        context.setpriv(link)
        if granted & milter.SETSYMLIST:
            for stage, names in self._macros.items():
                # The binding's own decorators pass bytes here, fail, and lose the whole negotiation.
                context.setsymlist(MACRO_STAGES[stage], " ".join(names))
        missing = int(ACTIONS) & ~granted
        if missing:
            self._logger.error("the MTA does not grant all actions", missing=hex(missing))
        options[:] = [granted, link.negotiated, 0, 0]
        return milter.CONTINUE

    def _connect(self, context: milter.Context, name: str, _family: int, address: object) -> int:
        link = context.getpriv()
        macros = self._read_macros(context, Stage.CONNECT)
        host, port = address[:2] if isinstance(address, tuple) and len(address) >= 2 else (None, 0)
        client = Client(read_address(host) if isinstance(host, str) else None, name or "", int(port), macros)
        link.seen = True
        link.waiting.append(partial(link.connection.connect, client))
        return self._reply(context, link, Stage.CONNECT)

    def _helo(self, context: milter.Context, name: str) -> int:
        link = context.getpriv()
        self._see(context, link, Stage.HELO)
        link.waiting.append(partial(link.connection.helo, name, self._read_macros(context, Stage.HELO)))
        return self._reply(context, link, Stage.HELO)

    def _mail_from(self, context: milter.Context, path: bytes, *words: bytes) -> int:
        link = context.getpriv()
        self._see(context, link, Stage.MAIL_FROM)
        link.fields.finish()
        link.failed = False
        link.begun = True
        macros = self._read_macros(context, Stage.MAIL_FROM)
        parameters = tuple(word.decode("utf-8", "replace") for word in words)
        link.waiting.append(partial(link.connection.mail_from, path, parameters, macros))
        return self._reply(context, link, Stage.MAIL_FROM)

    def _rcpt_to(self, context: milter.Context, path: bytes, *_words: bytes) -> int:
        link = context.getpriv()
        link.waiting.append(partial(link.connection.rcpt_to, path))
        return self._reply(context, link, Stage.RCPT_TO)

    def _header(self, context: milter.Context, name: str, value: bytes) -> int:
        link = context.getpriv()
        link.fields.add(name, value)
        return self._no_reply(link, milter.P_NR_HDR)

    def _end_of_headers(self, context: milter.Context) -> int:
        link = context.getpriv()
        headers = link.fields.finish()
        queue_id = self._macro(context, "i")
        link.waiting.append(partial(link.connection.end_of_headers, headers, queue_id))
        return self._no_reply(link, milter.P_NR_EOH)

    def _body(self, context: milter.Context, chunk: bytes) -> int:
        link = context.getpriv()
        link.waiting.append(partial(link.connection.body, chunk))
        link.waiting_bytes += len(chunk)
        if link.waiting_bytes >= _HAND_OVER_BYTES:
            self._hand_over(link).result()
        return self._no_reply(link, milter.P_NR_BODY)

    def _end_of_message(self, context: milter.Context) -> int:
        link = context.getpriv()
        if link.failed:
            return self._answer(context, UNAVAILABLE)
        link.waiting.append(partial(link.connection.end_of_message, self._macro(context, "i")))
        ending = self._wait_with_progress(context, self._hand_over(link))
        link.begun = False
        if not isinstance(ending, Ending):
            return self._answer(context, ending or UNAVAILABLE)
        for step in ending.steps:
            _carry_out(context, step, link.negotiated)
        verdict = ending.decision.verdict
        if isinstance(verdict, Quarantine):
            context.quarantine(reason_of(verdict))
        if isinstance(verdict, Discard):
            return milter.DISCARD
        return self._answer(context, verdict)

    def _abort(self, context: milter.Context) -> int:
        link = context.getpriv()
        if link is not None:
            link.begun = False
            link.waiting.append(link.connection.abort)
            self._hand_over(link).result()
        return milter.CONTINUE

    def _close(self, context: milter.Context) -> int:
        link = context.getpriv()
        if link is not None:
            context.setpriv(None)
            self._links.discard(link)
            link.waiting.append(link.connection.close)
            self._hand_over(link)
        return milter.CONTINUE

    def _see(self, context: milter.Context, link: Link, stage: Stage) -> None:
        """Make up for a connect event that the binding lost: its sender must not pass for local."""
        if link.seen:
            return
        link.seen = True
        address = read_address(self._macro(context, "{client_addr}") or "")
        macros = {"{daemon_name}": self._macro(context, "{daemon_name}") or ""}
        client = Client(address, "", 0, macros, lost=address is None)
        link.waiting.append(partial(link.connection.connect, client))

    def _reply(self, context: milter.Context, link: Link, stage: Stage) -> int:
        if stage not in self._pipeline.needs.replies:
            return self._no_reply(link, int(NO_REPLY[stage]))
        if link.failed:
            return self._answer(context, UNAVAILABLE)
        verdict = self._hand_over(link).result()
        if stage is Stage.MAIL_FROM and isinstance(verdict, Reject | Defer):
            link.begun = False
        return self._answer(context, verdict if isinstance(verdict, Reject | Defer) else None)

    def _hand_over(self, link: Link) -> Future[object]:
        waiting, link.waiting, link.waiting_bytes = link.waiting, [], 0
        link.touched = time.monotonic()
        link.running = asyncio.run_coroutine_threadsafe(link.run(waiting), self._loop)
        return link.running

    @staticmethod
    def _wait_with_progress(context: milter.Context, future: Future[object]) -> object:
        while True:
            try:
                return future.result(_PROGRESS_SECONDS)
            except TimeoutError:
                if future.done():
                    return future.result()
                context.progress()

    @staticmethod
    def _no_reply(link: Link, bit: int) -> int:
        return milter.NOREPLY if link.negotiated & bit else milter.CONTINUE

    @staticmethod
    def _answer(context: milter.Context, verdict: object) -> int:
        """The one place where the reply's code and text are set, so that they cannot disagree."""
        if not isinstance(verdict, Reject | Defer):
            return milter.CONTINUE
        # libmilter reads the text as a format.
        lines = [line.replace("%", "%%") for line in verdict.lines()]
        context.setreply(str(verdict.code), verdict.enhanced, *lines)
        return milter.REJECT if isinstance(verdict, Reject) else milter.TEMPFAIL

    def _read_macros(self, context: milter.Context, stage: Stage) -> dict[str, str]:
        read = ((name, self._macro(context, name)) for name in self._macros[stage])
        return {name: value for name, value in read if value is not None}

    @staticmethod
    def _macro(context: milter.Context, name: str) -> str | None:
        try:
            return context.getsymval(name)
        except UnicodeDecodeError:
            # Sendmail passes 8-bit addresses in macros; the binding cannot decode them.
            return None


def _carry_out(context: milter.Context, step: Step, negotiated: int) -> None:
    space = " " if negotiated & milter.P_HDR_LEADSPC else ""
    match step:
        case AddHeader(name, value, at_top):
            if at_top:
                context.addheader(name, folded(value, space), 0)
            else:
                context.addheader(name, folded(value, space))
        case SetHeader(name, occurrence, None):
            context.chgheader(name, occurrence, None)
        case SetHeader(name, occurrence, str(value)):
            # An empty value would delete the field.
            context.chgheader(name, occurrence, folded(value, space) or " ")
        case AddRecipient(address):
            context.addrcpt(f"<{address}>")
        case DeleteRecipient(address):
            context.delrcpt(f"<{address}>")
        case ChangeSender(address):
            context.chgfrom(f"<{address}>")
        case ReplaceBody(body):
            context.replacebody(bytes(body))


def _dead_listener(family: int) -> socket.socket:
    """Return a listening socket that nobody can reach."""
    dead = socket.socket(family, socket.SOCK_STREAM)
    dead.settimeout(0)
    if family == socket.AF_UNIX:
        dead.bind("")
    dead.listen(1)
    return dead
