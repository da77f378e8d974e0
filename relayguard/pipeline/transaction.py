"""One envelope from MAIL FROM to its end. All its state lives here and goes with it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from relayguard.authentication_results.render import HEADER_NAME, render
from relayguard.authentication_results.scan import MAX_FORGED
from relayguard.core.address import Address
from relayguard.core.body import Body
from relayguard.core.caps import Cap
from relayguard.core.decision import Decision, Outcome, decide
from relayguard.core.edits import AddHeader, DeleteHeader
from relayguard.core.envelope import Envelope, Role
from relayguard.core.headers import Headers
from relayguard.core.ledger import Step
from relayguard.core.message import Message
from relayguard.core.session import Session
from relayguard.core.stages import Stage
from relayguard.core.standards import AuthResult, IprevResult, SpfResult
from relayguard.core.verdicts import Defer, Given, Quarantine, Reject, strongest
from relayguard.pipeline.dispatch import Dispatcher
from relayguard.pipeline.findings import Findings
from relayguard.pipeline.forged import forged_fields
from relayguard.pipeline.needs import Needs
from relayguard.pipeline.record import EnvelopeRecord, Observer
from relayguard.pipeline.relayed import relayed
from relayguard.pipeline.rules import Rules
from relayguard.pipeline.visible import MAX_FIELDS, MAX_TOTAL, block_size, fields_of, visible_part
from relayguard.services import Metrics

CORE = "relayguard"
"""Who decided, where it was no filter."""

TOO_MANY_FORGED = Reject(text="Too many header fields that claim to be ours")

TOO_MANY_FIELDS = Reject(text="Too many header fields")

_NO_HEADERS = Headers(())


@dataclass(frozen=True, slots=True)
class Ending:
    """What the MTA is to do when a message has ended: obey `decision`, after carrying out `steps`."""

    decision: Decision
    steps: tuple[Step, ...] = ()


class Transaction:
    """Runs one envelope through the filters. `open` is False once it was decided."""

    def __init__(
        self,
        session: Session,
        envelope: Envelope,
        inherited: Findings,
        dispatcher: Dispatcher,
        observer: Observer,
        rules: Rules,
        metrics: Metrics,
        needs: Needs,
    ) -> None:
        self.session = session
        self.envelope = envelope
        self.open = True
        self._findings = Findings(inherited)
        self._dispatcher = dispatcher
        self._observer = observer
        self._rules = rules
        self._metrics = metrics
        self._headers = _NO_HEADERS
        self._visible = self._headers
        self._body = Body() if needs.keep_body else None
        self._size = 0
        # Where no filter wants the body, the MTA does not send it.
        self._counts_size = needs.body
        # For each recipient the refusal that it got, and the one that it would have got.
        self._recipients: list[tuple[Given | None, Given | None]] = []
        self._would_end: Given | None = None
        self._stripped = 0
        self._header: str | None = None
        self._started = time.perf_counter()
        observer.began(envelope)
        if envelope.login is not None:
            self._take_over([AuthResult()])

    @property
    def wants_body(self) -> bool:
        """Whether a filter reads the body as it streams, or wants it kept."""
        return self._body is not None or bool(self._findings.readers)

    async def mail_from(self) -> Reject | Defer | None:
        """Return the refusal of the whole envelope, if any."""
        await self._run(Stage.MAIL_FROM)
        given, would_be = self._findings.standing(), self._findings.hypothetical()
        # Quarantine and discard are for the end of the message; a refusal saves the client the rest.
        if would_be is not None and isinstance(would_be.verdict, Reject | Defer):
            self._would_end = would_be
        if given is not None and isinstance(given.verdict, Reject | Defer):
            await self._end(decide(given))
            return given.verdict
        return None

    async def rcpt_to(self, recipient: Address) -> Reject | Defer | None:
        """Return the refusal of this recipient, if any."""
        # Verdicts at this stage are for the recipient alone, so they are collected apart.
        findings = self._findings.for_recipient()
        await self._run(Stage.RCPT_TO, findings, recipient=recipient)
        given = findings.standing()
        self._recipients.append((given, findings.hypothetical()))
        if given is not None and isinstance(given.verdict, Reject | Defer):
            return given.verdict
        self.envelope.recipients.append(recipient)
        return None

    async def end_of_headers(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        """Take the whole header block. A verdict given here is kept until the message ends."""
        # Neither this host nor a relay of ours could take the refusal.
        from_us = self.envelope.role is Role.LOCAL or self.session.trusted_relay
        total = len(pairs)
        if total > MAX_TOTAL and not from_us:
            self._findings.verdicts.append(Given(CORE, TOO_MANY_FIELDS))
            pairs = pairs[:MAX_FIELDS]
        self._headers = fields_of(pairs, self._rules.strip_headers)
        size = block_size(pairs)
        self._visible = visible_part(self._headers, total, size)
        if not self._visible.complete:
            self._metrics.cap_hit(Cap.HEADER_BLOCK)
        self._size += size
        self.envelope.header_size = size
        if self.session.trusted_relay and self.envelope.role is Role.INCOMING:
            # It saw the client, and we see only it.
            source = f"found by {self.session.client_address}"
            self._take_over(relayed(self._visible, self._rules.authserv_id, source))
        await self._run(Stage.END_OF_HEADERS, headers=self._visible)

    def body(self, chunk: bytes) -> None:
        """Take the next chunk of the body."""
        self._size += len(chunk)
        if self._body is not None:
            self._body.write(chunk)
        self._dispatcher.feed(chunk, self._findings, self.envelope)

    async def end_of_message(self) -> Ending:
        """Measure, judge, decide and plan the edits."""
        await self._run(Stage.END_OF_MESSAGE, headers=self._visible, body=self._body)
        steps: tuple[Step, ...] = ()
        if self._goes_on():
            self._authenticate()
        if self._goes_on() and self._dispatcher.has_hooks(Stage.OUTGOING):
            message = Message(self._findings.ledger.preview(self._headers), self._outgoing_body())
            await self._run(Stage.OUTGOING, message=message)
        # A signer that failed may have deferred what was to go on.
        if self._goes_on():
            steps = self._findings.ledger.plan(self._headers)
        decision = decide(self._findings.standing())
        await self._end(decision)
        return Ending(decision, steps)

    async def abandon(self, outcome: Outcome) -> None:
        """End the envelope without a message: the client gave up, or we failed."""
        if not self.open:
            return
        decision = Decision(outcome)
        refused = [given for given, _ in self._recipients]
        if outcome is Outcome.ABORTED and (given := _refusal_of_all(refused)):
            # What the client did then is our doing.
            decision = decide(given)
        await self._end(decision)

    def _take_over(self, results: Sequence[AuthResult | SpfResult | IprevResult]) -> None:
        """Add what no filter found: the MTA or a relay of ours tells it."""
        self._findings.results.add(results)
        self._findings.reported += [result.reported() for result in results]

    def _goes_on(self) -> bool:
        given = self._findings.standing()
        return given is None or isinstance(given.verdict, Quarantine)

    def _authenticate(self) -> None:
        ledger, rules = self._findings.ledger, self._rules
        # RFC 8601 §5: what claims to be ours and is not must go, before ours is added.
        if not self.session.trusted_relay:
            limit = MAX_FORGED if self.envelope.role is Role.INCOMING else None
            forged, capped = forged_fields(self._headers, rules.authserv_id, rules.strip_headers, limit)
            if capped:
                self._metrics.cap_hit(Cap.AUTHENTICATION_RESULTS)
            if limit is not None and len(forged) > limit:
                self._findings.verdicts.append(Given(CORE, TOO_MANY_FORGED))
                return
            self._stripped = len(forged)
            for header in forged:
                ledger.add(DeleteHeader(header))
        utf8 = self.envelope.smtputf8
        self._header = render(rules.authserv_id, self._findings.reported, comments=rules.comments, utf8=utf8)
        ledger.add(AddHeader(HEADER_NAME, self._header))

    def _outgoing_body(self) -> Body:
        replaced = self._findings.ledger.body()
        if replaced is not None:
            return Body.of(replaced)
        return self._body if self._body is not None else Body()

    async def _run(self, stage: Stage, findings: Findings | None = None, **facts: object) -> None:
        findings = findings if findings is not None else self._findings
        facts |= {"session": self.session, "envelope": self.envelope, "results": findings.results}
        await self._dispatcher.run(stage, facts, findings, self.envelope.role, self.envelope)

    async def _end(self, decision: Decision) -> None:
        if not self.open:
            return
        self.open = False
        try:
            await self._run(Stage.DECIDED, decision=decision)
        finally:
            self._tell(decision)
            if self._body is not None:
                self._body.close()

    def _tell(self, decision: Decision) -> None:
        self._observer.decided(
            EnvelopeRecord(
                session=self.session,
                envelope=self.envelope,
                results=self._findings.results,
                reported=tuple(self._findings.reported),
                decision=decision,
                would_be=self._would_be(decision),
                refused=tuple(given for given, _ in self._recipients if given is not None),
                would_refuse=tuple(
                    would_be for given, would_be in self._recipients if would_be is not None and would_be != given
                ),
                stripped=self._stripped,
                size=self._size if self._counts_size else 0,
                seconds=time.perf_counter() - self._started,
                authentication_results=self._header,
                notes=tuple(self._findings.notes),
            )
        )

    def _would_be(self, decision: Decision) -> Decision:
        """Return what the client would have seen, had no filter been in shadow mode: of several ends the first."""
        if decision.outcome is Outcome.FAILED:
            return decision
        ended = self._would_end or _refusal_of_all([would_be for _, would_be in self._recipients])
        if ended is None and decision.outcome is Outcome.ABORTED:
            return decision
        return decide(ended or self._findings.hypothetical())


def _refusal_of_all(recipients: Sequence[Given | None]) -> Given | None:
    """Return the strongest refusal if every recipient was refused: then there is no message."""
    refusals = [given for given in recipients if given is not None]
    return strongest(refusals) if len(refusals) == len(recipients) else None
