"""Runs a message through the real pipeline without an MTA, and keeps a trace of everything that happened."""

import ipaddress
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from relayguard.app import build_filters, build_pipeline, build_resolver, services_of
from relayguard.config import Config, ConfigError, Problem
from relayguard.core.author import read_authors
from relayguard.core.caps import Cap
from relayguard.core.envelope import Envelope, Role
from relayguard.core.headers import Headers
from relayguard.core.message import split_message
from relayguard.core.session import IpAddress
from relayguard.core.stages import Stage
from relayguard.core.verdicts import Defer, Reject
from relayguard.dns.zone import ZoneResolver
from relayguard.pipeline.connection import Client, Connection
from relayguard.pipeline.record import EnvelopeRecord, HookRun, Observer
from relayguard.pipeline.transaction import Ending
from relayguard.services import Answer, NoCounter, Question, Resolver, Store
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore

_CHUNK = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A message, and how it is pretended to arrive; `listener` None is the first of the configuration.

    `role` None is what the client's address makes it; `login` is who submits it, where it is submission.
    """

    raw: bytes
    client: IpAddress
    helo: str
    sender: str
    recipients: tuple[str, ...]
    role: Role | None
    listener: str | None = None
    login: str = "someone"


def rehearsal_of(
    raw: bytes,
    client: str,
    helo: str,
    sender: str | None,
    recipients: tuple[str, ...],
    role: Role | None,
    listener: str | None = None,
    login: str | None = None,
) -> Rehearsal:
    """Return a rehearsal; raises ValueError for a client that is no IP address.

    Without a sender the author's address is taken.
    """
    if sender is None:
        mailboxes = read_authors(Headers.of(*split_message(raw)[0])).mailboxes
        sender = f"{mailboxes[0].local}@{mailboxes[0].domain}" if mailboxes else ""
    return Rehearsal(
        raw=raw,
        client=ipaddress.ip_address(client),
        helo=helo,
        sender=sender.strip("<>"),
        recipients=recipients,
        role=role,
        listener=listener,
        login=login or "someone",
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One DNS question that a filter asked, its answer, and the seconds it took; 0 from the cache."""

    question: Question
    answer: Answer
    seconds: float


@dataclass
class Trace(Observer):
    """Keeps everything. `refusals` are the replies before the end of the message."""

    runs: list[HookRun] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    caps: list[Cap] = field(default_factory=list)
    refusals: list[tuple[Stage, Reject | Defer]] = field(default_factory=list)
    record: EnvelopeRecord | None = None
    ending: Ending | None = None

    def hook_ran(self, run: HookRun, envelope: Envelope | None) -> None:
        """See `Observer`."""
        self.runs.append(run)

    def decided(self, record: EnvelopeRecord) -> None:
        """See `Observer`."""
        self.record = record

    def counter(self, name: str, help: str, labels: Mapping[str, Sequence[str]]) -> NoCounter:  # noqa: A002
        """See `Metrics`: what is counted is yielded, too."""
        return NoCounter()

    def cap_hit(self, cap: Cap) -> None:
        """See `Metrics`."""
        self.caps.append(cap)

    def dns_answered(self, question: Question, answer: Answer, seconds: float) -> None:
        """See `DnsObserver`: what is asked is traced where it is asked."""

    def dns_cache_hit(self, count: int = 1) -> None:
        """See `DnsObserver`."""


class TracedResolver:
    """A `Resolver` in front of another that writes down what is asked."""

    def __init__(self, inner: Resolver, trace: Trace) -> None:
        self._inner = inner
        self._trace = trace

    def cached(self, question: Question) -> Answer | None:
        """See `Resolver`."""
        answer = self._inner.cached(question)
        if answer is not None:
            self._note(question, answer, 0.0)
        return answer

    def prefetch(self, questions: Iterable[Question]) -> None:
        """See `Resolver`."""
        self._inner.prefetch(questions)

    async def resolve(self, question: Question) -> Answer:
        """See `Resolver`."""
        return (await self.resolve_all([question]))[question]

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        """See `Resolver`."""
        started = time.perf_counter()
        answers = await self._inner.resolve_all(questions)
        seconds = time.perf_counter() - started
        for question, answer in answers.items():
            self._note(question, answer, seconds)
        return answers

    def _note(self, question: Question, answer: Answer, seconds: float) -> None:
        if question not in {asked.question for asked in self._trace.asked}:
            self._trace.asked.append(Asked(question, answer, seconds))


async def rehearse(
    rehearsal: Rehearsal, config: Config, zone: str | None = None, store: Store | None = None
) -> Trace:
    """Run the message through the pipeline of a listener; raises ConfigError. DNS is live, or that of a zone file.

    Nothing is counted, unless in `store`.
    """
    trace = Trace()
    listener = rehearsal.listener or next(iter(config.listener))
    if listener not in config.listener:
        raise ConfigError([Problem("listener", f"there is no {listener!r}, only {', '.join(config.listener)}")])
    inner: Resolver = ZoneResolver(zone) if zone is not None else build_resolver(config, trace)
    filters = build_filters(
        take(config), services_of(config, TracedResolver(inner, trace), trace, store or NoStore()), listener
    )
    pipeline = build_pipeline(config, filters, trace, trace, listener)
    if rehearsal.role is Role.INCOMING:
        # The role is asked for by name here, so the client's address must not say otherwise.
        pipeline = replace(pipeline, rules=replace(pipeline.rules, local_networks=(), submission_networks=()))
    await _play(rehearsal, pipeline.open(), trace)
    return trace


async def _play(rehearsal: Rehearsal, connection: Connection, trace: Trace) -> None:
    address = None if rehearsal.role is Role.LOCAL else rehearsal.client
    words = () if rehearsal.sender.isascii() else ("SMTPUTF8",)
    login = {"{auth_type}": "PLAIN", "{auth_authen}": rehearsal.login} if rehearsal.role is Role.SUBMISSION else {}
    recipients = 0

    def refused(stage: Stage, refusal: Reject | Defer | None) -> bool:
        if refusal is not None:
            trace.refusals.append((stage, refusal))
        return refusal is not None

    pairs, body = split_message(rehearsal.raw)
    try:
        if refused(Stage.CONNECT, await connection.connect(Client(address, "unknown"))):
            return
        if refused(Stage.HELO, await connection.helo(rehearsal.helo, {})):
            return
        if refused(Stage.MAIL_FROM, await connection.mail_from(rehearsal.sender.encode(), words, login)):
            return
        for recipient in rehearsal.recipients:
            if not refused(Stage.RCPT_TO, await connection.rcpt_to(recipient.encode())):
                recipients += 1
        if not recipients:
            return
        await connection.end_of_headers(pairs, None)
        for start in range(0, len(body), _CHUNK):
            await connection.body(body[start : start + _CHUNK])
        trace.ending = await connection.end_of_message(None)
    finally:
        await connection.close()
