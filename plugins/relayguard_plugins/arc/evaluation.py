"""ARC of one chain: a function of the chain, the message, the DNS answers and the time (RFC 8617 §5.2)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from relayguard import Answer, ArcResult, ArcValue, Cap, DkimValue, Headers, Metrics, Question
from relayguard_plugins.arc.chain import Link
from relayguard_plugins.dkim.body_hash import BodyHash
from relayguard_plugins.dkim.evaluation import (
    check_body,
    check_digest,
    check_headers,
    check_key,
    check_times,
    check_whole_body,
    find_key,
    key_question,
)
from relayguard_plugins.dkim.header_hash import MessageFields, field_bytes, relaxed_field, without_signature
from relayguard_plugins.dkim.key import Key
from relayguard_plugins.dkim.values import SignatureError

MAX_OLDER = 5
"""So many signatures before the newest are tried, to tell since when the message is unchanged; none decides."""

MAX_WORK = 35_000
"""Units of `Key.work` for all seals of a chain: fifty with keys of 2,048 bits cost a fifth of it."""

Answers = Mapping[Question, Answer]
Bodies = Mapping[bool, BodyHash]


@dataclass(frozen=True, slots=True)
class _Message:
    """What the signatures of a chain are held against."""

    fields: MessageFields
    bodies: Bodies
    answers: Answers
    now: float


def tried(chain: Sequence[Link]) -> Sequence[Link]:
    """Return the sets whose message signatures are verified: the newest, and some before it."""
    return chain[-1 - MAX_OLDER :]


def questions(chain: Sequence[Link]) -> list[Question]:
    """Return all the keys that the evaluation may need; they are asked at once."""
    keys = [(link.seal.selector, link.seal.domain) for link in chain]
    keys += [(link.message_signature.selector, link.message_signature.domain) for link in tried(chain)]
    return [key_question(selector, domain) for selector, domain in dict.fromkeys(keys)]


def evaluate(
    chain: Sequence[Link],
    headers: Headers,
    bodies: Bodies,
    answers: Answers,
    now: float,
    client: str,
    metrics: Metrics,
) -> ArcResult:
    """Validate a chain that is not empty. `now` is in seconds since the epoch. Never raises for bad input."""
    said = tuple(link.said() for link in chain)
    message = _Message(MessageFields(headers), bodies, answers, now)
    unknown: SignatureError | None = None
    for error in _errors(chain, message):
        if error.value is not DkimValue.TEMPERROR:
            if error.cap is not None:
                metrics.cap_hit(error.cap)
            return ArcResult(value=ArcValue.FAIL, client=client, reason=error.reason)
        # Whoever breaks a chain could make one of its keys his own, that cannot be had: what fails for good decides.
        unknown = unknown or error
    if unknown is not None:
        return ArcResult(value=ArcValue.TEMPERROR, sets=said, client=client, reason=unknown.reason)
    oldest_pass = _oldest_pass(chain, message)
    return ArcResult(value=ArcValue.PASS, sets=said, oldest_pass=oldest_pass, client=client)


def _errors(chain: Sequence[Link], message: _Message) -> Iterator[SignatureError]:
    """Yield what is wrong with the newest message signature and the seals, the newest first (RFC 8617 §5.2)."""
    try:
        _check_message(chain[-1], message)
    except SignatureError as error:
        yield error
    work = MAX_WORK
    for link, digest in reversed(list(_seal_digests(chain))):
        try:
            work -= _check_seal(link, digest, message.answers, work)
        except SignatureError as error:
            yield error


def _check_message(link: Link, message: _Message) -> None:
    signature = link.message_signature
    try:
        check_times(signature, message.now)
        answer = message.answers[key_question(signature.selector, signature.domain)]
        key = find_key(answer, signature.algorithm)
        check_key(signature.algorithm, key)
        body = message.bodies[signature.relaxed_body].finish()
        check_whole_body(signature, body)
        check_body(signature, body)
        check_headers(signature, key, message.fields)
    except SignatureError as error:
        raise SignatureError(error.value, f"message signature {link.instance}: {error.reason}", error.cap) from error


def _check_seal(link: Link, digest: bytes, answers: Answers, work: int) -> int:
    """Verify a seal if that costs no more than `work`; return what it cost."""
    seal = link.seal
    try:
        key = find_key(answers[key_question(seal.selector, seal.domain)], seal.algorithm)
        check_key(seal.algorithm, key)
        _check_work(key, work)
        check_digest(key, seal.signature, digest)
    except SignatureError as error:
        raise SignatureError(error.value, f"seal {link.instance}: {error.reason}", error.cap) from error
    return key.work


def _check_work(key: Key, work: int) -> None:
    if key.work > work:
        raise SignatureError(DkimValue.PERMERROR, "the keys of the chain are too large together", Cap.DKIM_KEY)


def _seal_digests(chain: Sequence[Link]) -> Iterator[tuple[Link, bytes]]:
    """Yield the hash that each seal signs: all sets before it, and its own with an empty ``b=`` (RFC 8617 §5.1.1)."""
    sets = hashlib.sha256()
    for link in chain:
        for field in (link.results, link.message_signature.header):
            sets.update(relaxed_field(*field_bytes(field)) + b"\r\n")
        name, value = field_bytes(link.seal.header)
        # Each seal signs all sets below it: copied, or fifty sets would cost as much as a thousand.
        sealed = sets.copy()
        sealed.update(relaxed_field(name, without_signature(value)))
        yield link, sealed.digest()
        sets.update(relaxed_field(name, value) + b"\r\n")


def _oldest_pass(chain: Sequence[Link], message: _Message) -> int | None:
    """RFC 8617 §5.2 step 5: the instance after the newest signature that fails, 0 if none does."""
    older = tried(chain)[:-1]
    for link in reversed(older):
        try:
            _check_message(link, message)
        except SignatureError as error:
            return link.instance + 1 if error.value is not DkimValue.TEMPERROR else None
    return 0 if len(older) == len(chain) - 1 else None
