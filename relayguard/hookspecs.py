"""The SMTP transaction as hooks, in wire order.

A filter implements any of these as methods under ``@hookimpl`` and takes any subset of their arguments.
A stage hook is a generator of effects: it yields what it found. ``async def`` hooks may await the
services; plain ``def`` hooks run at once and must not wait, unless the filter says ``blocking = True``: then they
run in threads. What may be yielded where is the table `relayguard.core.effects.LEGAL`; results may be yielded
everywhere but at `decided`.
"""

from collections.abc import AsyncIterable, Iterable

import pluggy

from relayguard.core.address import Address
from relayguard.core.body import Body
from relayguard.core.decision import Decision
from relayguard.core.effects import Effect
from relayguard.core.envelope import Envelope
from relayguard.core.headers import Headers
from relayguard.core.message import Message
from relayguard.core.results import Results
from relayguard.core.session import Session

PROJECT = "relayguard"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Effects = Iterable[Effect] | AsyncIterable[Effect] | None


@hookspec
def connect(session: Session) -> Effects:
    """Fires when a client has connected: its address and the MTA's name for it are known.

    May yield `Reject` or `Defer`, which refuse the whole session.
    """


@hookspec
def helo(session: Session, results: Results) -> Effects:
    """Fires at HELO or EHLO, and again after STARTTLS; the findings of the later call replace the first.

    May yield `Reject` or `Defer`.
    """


@hookspec
def mail_from(session: Session, envelope: Envelope, results: Results) -> Effects:
    """Fires when an envelope begins: sender, role, ESMTP parameters and login are known.

    May yield any verdict, and edits that need no header of the message.
    """


@hookspec
def rcpt_to(session: Session, envelope: Envelope, recipient: Address, results: Results) -> Effects:
    """Fires for each recipient. `Reject` or `Defer` here is for this recipient alone."""


@hookspec
def end_of_headers(session: Session, envelope: Envelope, headers: Headers, results: Results) -> Effects:
    """Fires when all header fields are known, before the body.

    May yield any verdict (given when the message has ended), edits, and `Watch` to see the body stream.
    """


@hookspec
def end_of_message(session: Session, envelope: Envelope, headers: Headers, body: Body, results: Results) -> Effects:
    """Fires when the whole message is known. May yield any verdict and any edit.

    A filter that takes `body` makes the daemon keep it; use `Watch` if passing over it once is enough.
    """


@hookspec
def outgoing(session: Session, envelope: Envelope, message: Message, results: Results) -> Effects:
    """Fires after all verdicts, only if the message goes on, with the message as it will leave.

    May yield `AddHeader` alone: this is where a signer signs. If a filter fails here whose ``on_failure`` is
    ``defer``, the client is asked to try again.
    """


@hookspec
def decided(session: Session, envelope: Envelope, results: Results, decision: Decision) -> None:
    """Fires exactly once for every envelope, whatever its end. Yields nothing, changes nothing."""
