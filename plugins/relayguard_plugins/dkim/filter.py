"""The DKIM filter: verifies the signatures of incoming mail, and judges nothing."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

from relayguard import (
    Cap,
    DkimResult,
    DkimValue,
    Effect,
    Envelope,
    Header,
    Headers,
    Role,
    Services,
    Slot,
    Watch,
    hookimpl,
    lies_under,
    read_authors,
)
from relayguard_plugins.dkim.body_hash import BodyHash, share
from relayguard_plugins.dkim.evaluation import Demands, evaluate, key_question
from relayguard_plugins.dkim.header_hash import MessageFields
from relayguard_plugins.dkim.signature import MAX_READ, Signature, describe_broken, parse_signature, signing_domain
from relayguard_plugins.dkim.values import SignatureError

_FIELD_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]{1,76}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.dkim]`` table.

    `partial_body` says what a valid signature gets whose ``l=`` leaves a part of the body unsigned. `must_sign` are
    header fields that a signature must cover where the message has them, or it gets ``policy``, too.
    """

    max_signatures: int = 10
    partial_body: Literal["policy", "pass"] = "policy"
    must_sign: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.max_signatures <= 50:
            raise ValueError(f"max_signatures must be 1 to 50, not {self.max_signatures}")
        for name in self.must_sign:
            if not _FIELD_NAME.match(name):
                raise ValueError(f"must_sign: {name!r} is no name of a header field")


@dataclass(frozen=True, slots=True)
class _Verification:
    """What is remembered between the headers and the end of the message."""

    signatures: tuple[Signature, ...]
    unusable: tuple[DkimResult, ...]
    bodies: dict[bool, BodyHash]


_VERIFICATION: Slot[_Verification] = Slot("dkim verification")


class DkimFilter:
    """Yields a `DkimResult` for each signature, or one that says there is none."""

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        self._services = services
        self._demands = Demands(options.must_sign, whole_body=options.partial_body == "policy")

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        """Read the signatures, ask for all their keys at once, and begin to hash the body."""
        if envelope.role is not Role.INCOMING:
            return
        signatures, unusable = self._read(headers)
        self._services.resolver.prefetch(key_question(each.selector, each.domain) for each in signatures)
        bodies = _bodies(signatures)
        for body in bodies.values():
            yield Watch(body)
        # Last: who was not fed the body must not say that its hash is wrong.
        share(envelope.slots, bodies)
        envelope.slots.put(_VERIFICATION, _Verification(tuple(signatures), tuple(unusable), bodies))

    @hookimpl
    async def end_of_message(self, envelope: Envelope, headers: Headers) -> AsyncIterator[Effect]:
        """Verify each signature."""
        state = envelope.slots.get(_VERIFICATION)
        if state is None:
            return
        if not state.signatures and not state.unusable:
            yield DkimResult(value=DkimValue.NONE)
            return
        questions = [key_question(each.selector, each.domain) for each in state.signatures]
        answers = await self._services.resolver.resolve_all(questions)
        metrics, now, message = self._services.metrics, self._services.clock.now(), MessageFields(headers)
        for signature, question in zip(state.signatures, questions, strict=True):
            body = state.bodies[signature.relaxed_body].finish()
            yield evaluate(signature, message, body, answers[question], now, metrics, self._demands)
        for result in state.unusable:
            yield result

    def _read(self, headers: Headers) -> tuple[list[Signature], list[DkimResult]]:
        metrics = self._services.metrics
        if not headers.complete:
            # What is not seen may be signed, or be the signature.
            return [], [DkimResult(value=DkimValue.NEUTRAL, reason="header block too large")]
        fields = headers.all("DKIM-Signature")
        if len(fields) > self._options.max_signatures:
            metrics.cap_hit(Cap.DKIM_SIGNATURES)
            fields = self._nearest(fields, headers)
        signatures: list[Signature] = []
        unusable: list[DkimResult] = []
        for field in fields:
            try:
                signatures.append(parse_signature(field))
            except SignatureError as error:
                if error.cap is not None:
                    metrics.cap_hit(error.cap)
                unusable.append(describe_broken(field, error))
        return signatures, unusable

    def _nearest(self, fields: tuple[Header, ...], headers: Headers) -> tuple[Header, ...]:
        """Return as many signatures as may be verified, those that could matter to DMARC first."""
        authors = read_authors(headers).domains

        def distance(field: Header) -> int:
            domain = signing_domain(field)
            if domain in authors:
                return 0
            return 1 if domain and any(lies_under(a, domain) or lies_under(domain, a) for a in authors) else 2

        return tuple(sorted(fields[:MAX_READ], key=distance)[: self._options.max_signatures])


def _bodies(signatures: list[Signature]) -> dict[bool, BodyHash]:
    """Return the hashes to be run: at most two, whatever the number of signatures."""
    lengths: dict[bool, list[int]] = {}
    for each in signatures:
        wanted = lengths.setdefault(each.relaxed_body, [])
        if each.length is not None:
            wanted.append(each.length)
    return {relaxed: BodyHash(relaxed=relaxed, lengths=wanted) for relaxed, wanted in lengths.items()}
