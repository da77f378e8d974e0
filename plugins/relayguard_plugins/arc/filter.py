"""The ARC filter: validates the chain of incoming mail, and judges nothing."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from relayguard import (
    ArcResult,
    ArcValue,
    Effect,
    Envelope,
    Headers,
    Results,
    Role,
    Services,
    Session,
    Slot,
    Watch,
    hookimpl,
)
from relayguard_plugins.arc.chain import ChainError, Link, read_chain
from relayguard_plugins.arc.evaluation import evaluate, questions, tried
from relayguard_plugins.dkim.body_hash import BodyHash, shared


@dataclass(frozen=True, slots=True)
class _Validation:
    """What is remembered between the headers and the end of the message. `borrowed`: the DKIM filter has bodies fed."""

    chain: tuple[Link, ...]
    bodies: Mapping[bool, BodyHash]
    borrowed: bool
    broken: str | None = None


_VALIDATION: Slot[_Validation] = Slot("arc validation")
_NO_CHAIN = _Validation((), {}, borrowed=False)


class ArcFilter:
    """Yields one `ArcResult`."""

    # Whose running hashes of the body it shares.
    after: ClassVar[frozenset[str]] = frozenset({"dkim"})

    def __init__(self, services: Services) -> None:
        self._services = services

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers, results: Results) -> Iterator[Effect]:
        """Read the sets, ask for all their keys at once, and begin to hash the body where nobody does yet."""
        if envelope.role is not Role.INCOMING:
            return
        try:
            chain = self._read(headers)
        except ChainError as error:
            if error.cap is not None:
                self._services.metrics.cap_hit(error.cap)
            envelope.slots.put(_VALIDATION, _Validation((), {}, borrowed=False, broken=str(error)))
            return
        if not chain:
            envelope.slots.put(_VALIDATION, _NO_CHAIN)
            return
        self._services.resolver.prefetch(questions(chain))
        # What a filter that failed has begun, nobody feeds.
        begun = {} if results.failed("dkim") else shared(envelope.slots)
        wanted = {link.message_signature.relaxed_body for link in tried(chain)}
        own = {relaxed: BodyHash(relaxed=relaxed) for relaxed in wanted - begun.keys()}
        for body in own.values():
            yield Watch(body)
        borrowed = bool(wanted & begun.keys())
        envelope.slots.put(_VALIDATION, _Validation(chain, {**begun, **own}, borrowed))

    @hookimpl
    async def end_of_message(
        self, session: Session, envelope: Envelope, headers: Headers, results: Results
    ) -> AsyncIterator[Effect]:
        """Validate the chain."""
        state = envelope.slots.get(_VALIDATION)
        if state is None:
            return
        client = str(session.client_address or "")
        if state.broken is not None:
            yield ArcResult(value=ArcValue.FAIL, client=client, reason=state.broken)
        elif not state.chain:
            yield ArcResult(value=ArcValue.NONE, client=client)
        elif state.borrowed and results.failed("dkim"):
            said = tuple(link.said() for link in state.chain)
            yield ArcResult(value=ArcValue.TEMPERROR, sets=said, client=client, reason="the body was not hashed")
        else:
            answers = await self._services.resolver.resolve_all(questions(state.chain))
            now, metrics = self._services.clock.now(), self._services.metrics
            yield evaluate(state.chain, headers, state.bodies, answers, now, client, metrics)

    @staticmethod
    def _read(headers: Headers) -> tuple[Link, ...]:
        if not headers.complete:
            # What is not seen may be signed, or be a set.
            raise ChainError("header block too large")
        return read_chain(headers)
