"""The rate limit filter: counts by rules, and refuses what goes beyond them, at the earliest stage that knows enough."""

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from relayguard import (
    Address,
    Charge,
    Effect,
    Envelope,
    Headers,
    Quarantine,
    Services,
    Session,
    Slot,
    Stage,
    Watch,
    hookimpl,
)
from relayguard_plugins.ratelimit.amounts import Counted
from relayguard_plugins.ratelimit.facts import Known
from relayguard_plugins.ratelimit.options import Options
from relayguard_plugins.ratelimit.rule import Rule

Charged = Sequence[tuple[Rule, Charge]]


class Size:
    """Counts the octets of a message as they stream by."""

    def __init__(self, octets: int) -> None:
        self.octets = octets

    def feed(self, chunk: bytes) -> None:
        """See `Reader`."""
        self.octets += len(chunk)


class RatelimitFilter:
    """Charges the counters of its rules. At each stage all rules that apply are asked together."""

    refresh_seconds: ClassVar[float] = 5.0

    def __init__(self, options: Options, services: Services) -> None:
        self._store = services.store
        rules = [Rule(each, services.files) for each in options.rule]
        for rule in rules:
            unknown = sorted(set(rule.listeners) - set(services.listeners))
            if unknown:
                raise ValueError(f"{rule.name}: can never match: this filter runs on no listener {unknown[0]!r}")
            services.store.declare(rule.limit, rule.about())
        self._refreshed = [rule.refreshed for rule in rules if rule.refreshed is not None]
        self._at = {stage: [rule for rule in rules if rule.stage is stage] for stage in Stage}
        at_recipients = self._at[Stage.RCPT_TO]
        self._each = [rule for rule in at_recipients if not rule.same_for_all_recipients]
        self._same = [rule for rule in at_recipients if rule.same_for_all_recipients]
        self._prepared: Slot[Charged] = Slot("prepared")
        self._held: Slot[list[Quarantine]] = Slot("held")
        self._size: Slot[Size] = Slot("size")
        self._let_go_of_hooks(holds=any(rule.action == "quarantine" for rule in at_recipients))

    def _let_go_of_hooks(self, *, holds: bool) -> None:
        """Have no hook where no rule is asked: each of them would cost a round trip of the MTA."""
        at = {stage: bool(rules) for stage, rules in self._at.items()}
        needed = {
            Stage.CONNECT: at[Stage.CONNECT],
            Stage.MAIL_FROM: at[Stage.MAIL_FROM],
            Stage.RCPT_TO: at[Stage.RCPT_TO],
            Stage.END_OF_HEADERS: at[Stage.END_OF_HEADERS] or at[Stage.END_OF_MESSAGE] or holds,
            Stage.END_OF_MESSAGE: at[Stage.END_OF_MESSAGE],
        }
        for stage, is_needed in needed.items():
            if not is_needed:
                setattr(self, stage.value, None)

    def refresh(self) -> None:
        """Read the overrides that have changed."""
        for overrides in self._refreshed:
            overrides.refresh()

    @hookimpl
    async def connect(self, session: Session) -> AsyncIterator[Effect]:
        """Count the connection."""
        for effect in await self._judge(self._charged(Stage.CONNECT, Known(session))):
            yield effect

    @hookimpl
    async def mail_from(self, session: Session, envelope: Envelope) -> AsyncIterator[Effect]:
        """Count the message."""
        for effect in await self._judge(self._charged(Stage.MAIL_FROM, Known(session, envelope))):
            yield effect

    @hookimpl
    async def rcpt_to(self, session: Session, envelope: Envelope, recipient: Address) -> AsyncIterator[Effect]:
        """Count the recipient: it is refused alone."""
        charged = envelope.slots.get(self._prepared)
        if charged is None:
            charged = _charged_by(self._same, Known(session, envelope))
            envelope.slots.put(self._prepared, charged)
        if self._each:
            charged = [*charged, *_charged_by(self._each, Known(session, envelope, recipient))]
        for effect in await self._judge(charged):
            if isinstance(effect, Quarantine):
                self._hold(envelope, effect)
            else:
                yield effect

    @hookimpl
    async def end_of_headers(self, session: Session, envelope: Envelope, headers: Headers) -> AsyncIterator[Effect]:
        """Count what the headers had to tell; begin to count octets."""
        for quarantine in envelope.slots.get(self._held) or ():
            yield quarantine
        known = Known(session, envelope, headers=headers)
        charged = [
            each
            for rule in self._at[Stage.END_OF_HEADERS]
            for each in _charged_by(
                [rule], known, len(envelope.recipients) if rule.counted is Counted.RECIPIENTS else 1
            )
        ]
        for effect in await self._judge(charged):
            yield effect
        if self._at[Stage.END_OF_MESSAGE]:
            size = Size(envelope.header_size)
            envelope.slots.put(self._size, size)
            yield Watch(size)

    @hookimpl
    async def end_of_message(self, session: Session, envelope: Envelope, headers: Headers) -> AsyncIterator[Effect]:
        """Count the octets."""
        size = envelope.slots.get(self._size)
        if size is not None:
            known = Known(session, envelope, headers=headers)
            for effect in await self._judge(_charged_by(self._at[Stage.END_OF_MESSAGE], known, size.octets)):
                yield effect

    def _charged(self, stage: Stage, known: Known) -> Charged:
        return _charged_by(self._at[stage], known)

    async def _judge(self, charged: Charged) -> list[Effect]:
        """Charge, and return what was found, and what is to be done about it."""
        if not charged:
            return []
        standings = await self._store.take([charge for _, charge in charged])
        effects: list[Effect] = []
        for (rule, charge), standing in zip(charged, standings, strict=True):
            if not standing.admitted:
                effects.append(rule.result(charge, standing))
                verdict = rule.verdict(standing)
                if verdict is not None:
                    effects.append(verdict)
        return effects

    def _hold(self, envelope: Envelope, quarantine: Quarantine) -> None:
        held = envelope.slots.get(self._held)
        if held is None:
            envelope.slots.put(self._held, [quarantine])


def _charged_by(rules: Sequence[Rule], known: Known, cost: int = 1) -> Charged:
    return [(rule, charge) for rule in rules for charge in rule.charges(known, cost)]
