"""One client connection as the MTA's edge sees it: neutral events in, replies out.

The transport drives this class, and so does `relayguard explain`. Its methods are called one after
another, in wire order; nothing here knows which transport runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relayguard.core.address import parse_path
from relayguard.core.decision import Outcome
from relayguard.core.envelope import Envelope, decide_role, parse_parameters
from relayguard.core.session import IpAddress, Session, Tls, contains
from relayguard.core.stages import Stage
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Reject
from relayguard.pipeline.dispatch import Dispatcher
from relayguard.pipeline.findings import Findings
from relayguard.pipeline.needs import Needs
from relayguard.pipeline.record import Observer, SessionJudged
from relayguard.pipeline.rules import Rules
from relayguard.pipeline.transaction import Ending, Transaction
from relayguard.services import Metrics

Refusal = Reject | Defer | None
Macros = Mapping[str, str]

_MAX_NAME = 512


@dataclass(frozen=True, slots=True)
class Client:
    """What the MTA says of a client when it connects.

    `address` is None for a client without one (a unix socket, a local program), which is local. With `lost`
    the address could not be read, and the client is a stranger.
    """

    address: IpAddress | None
    name: str = ""
    port: int = 0
    macros: Macros = field(default_factory=dict)
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that the connections of one listener share."""

    listener: str
    needs: Needs
    dispatcher: Dispatcher
    observer: Observer
    rules: Rules
    metrics: Metrics

    def open(self) -> "Connection":
        """Return a new connection."""
        return Connection(self)


class Connection:
    """The state of one client connection: who it is, what was found, and the envelope in progress."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._session = Session(client_address=None, listener=pipeline.listener)
        self._connect_findings = Findings()
        self._session_findings = self._connect_findings
        self._transaction: Transaction | None = None
        self._connected = False

    @property
    def queue_id(self) -> str | None:
        """The MTA's queue id of the envelope in progress, for log lines."""
        return self._transaction.envelope.queue_id if self._transaction is not None else None

    @property
    def in_transaction(self) -> bool:
        """Whether an envelope is in progress."""
        return self._transaction is not None and self._transaction.open

    @property
    def wants_body(self) -> bool:
        """Whether anybody would look at more of the body of the envelope in progress."""
        transaction = self._current()
        return transaction is not None and transaction.wants_body

    async def connect(self, client: Client) -> Refusal:
        """A client has connected."""
        rules = self._pipeline.rules
        self._session = Session(
            client_address=client.address,
            client_name=printable(client.name, _MAX_NAME),
            client_port=client.port,
            listener=self._pipeline.listener,
            daemon_name=client.macros.get("{daemon_name}", ""),
            local=contains(rules.local_networks, client.address) or (client.address is None and not client.lost),
            trusted_relay=contains(rules.trusted_relays, client.address),
            submission_network=contains(rules.submission_networks, client.address),
        )
        self._connected = True
        self._pipeline.observer.connected(self._session)
        findings = self._connect_findings = self._session_findings = Findings()
        await self._pipeline.dispatcher.run(Stage.CONNECT, {"session": self._session}, findings)
        return self._refusal(Stage.CONNECT, findings, Findings())

    async def helo(self, name: str, macros: Macros) -> Refusal:
        """The client has said HELO; after STARTTLS it says it again, and what was found before is void."""
        self._session.helo = printable(name, _MAX_NAME)
        self._session.tls = _tls(macros)
        findings = self._session_findings = Findings(self._connect_findings)
        facts = {"session": self._session, "results": findings.results}
        await self._pipeline.dispatcher.run(Stage.HELO, facts, findings)
        return self._refusal(Stage.HELO, findings, self._connect_findings)

    async def mail_from(self, path: bytes, words: Sequence[str], macros: Macros) -> Refusal:
        """An envelope begins; one that is still open ends here as aborted."""
        await self.abort()
        pipeline = self._pipeline
        login = macros.get("{auth_authen}") or None
        if macros.get("{auth_type}") and login is None:
            login = ""
        envelope = Envelope(
            sender=parse_path(path),
            role=decide_role(self._session, login, pipeline.rules.submission_daemons),
            queue_id=macros.get("i"),
            parameters=parse_parameters(tuple(words)),
            login=login,
            login_method=macros.get("{auth_type}"),
            macros=macros,
        )
        self._transaction = Transaction(
            self._session,
            envelope,
            self._session_findings,
            pipeline.dispatcher,
            pipeline.observer,
            pipeline.rules,
            pipeline.metrics,
            pipeline.needs,
        )
        return await self._transaction.mail_from()

    async def rcpt_to(self, path: bytes) -> Refusal:
        """One recipient."""
        transaction = self._current()
        return await transaction.rcpt_to(parse_path(path)) if transaction else None

    async def end_of_headers(self, pairs: Sequence[tuple[str, bytes]], queue_id: str | None) -> None:
        """The whole header block, values as they stand after the colon, folded with CRLF."""
        transaction = self._current()
        if transaction:
            transaction.envelope.queue_id = queue_id or transaction.envelope.queue_id
            await transaction.end_of_headers(pairs)

    async def body(self, chunk: bytes) -> None:
        """The next chunk of the body."""
        transaction = self._current()
        if transaction:
            transaction.body(chunk)

    async def end_of_message(self, queue_id: str | None) -> Ending | None:
        """The message has ended. Returns None if there was none, which is the MTA's mistake."""
        transaction = self._current()
        if transaction is None:
            return None
        transaction.envelope.queue_id = queue_id or transaction.envelope.queue_id
        return await transaction.end_of_message()

    async def abort(self) -> None:
        """The envelope in progress, if any, was given up."""
        await self._abandon(Outcome.ABORTED)

    async def fail(self) -> None:
        """The edge could not finish the envelope in progress, if any."""
        await self._abandon(Outcome.FAILED)

    async def close(self) -> None:
        """The client has gone."""
        await self.abort()
        if self._connected:
            self._connected = False
            self._pipeline.observer.closed(self._session)

    def _refusal(self, stage: Stage, findings: Findings, before: Findings) -> Refusal:
        given = findings.standing()
        # What was said at connect is not said again.
        new = findings.since(before)
        if new.verdicts or new.would_be or new.notes:
            judged = SessionJudged(self._session, stage, new.standing(), new.hypothetical(), tuple(new.notes))
            self._pipeline.observer.session_judged(judged)
        return given.verdict if given is not None and isinstance(given.verdict, Reject | Defer) else None

    async def _abandon(self, outcome: Outcome) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            await transaction.abandon(outcome)

    def _current(self) -> Transaction | None:
        transaction = self._transaction
        return transaction if transaction is not None and transaction.open else None


def _tls(macros: Macros) -> Tls | None:
    version = macros.get("{tls_version}")
    if not version:
        return None
    bits = macros.get("{cipher_bits}", "")
    return Tls(version, macros.get("{cipher}", ""), int(bits) if bits.isdecimal() and len(bits) < 6 else None)
