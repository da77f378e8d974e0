"""DKIM of one signature: a function of the signature, the message, the DNS answer and the time."""

from dataclasses import dataclass

from relayguard import Answer, DkimResult, DkimValue, Headers, Metrics, Question, RecordType, Status
from relayguard_plugins.dkim.body_hash import HashedBody
from relayguard_plugins.dkim.header_hash import MessageFields, header_digest
from relayguard_plugins.dkim.key import Key, choose_key
from relayguard_plugins.dkim.signature import SKEW, Signature
from relayguard_plugins.dkim.values import SignatureError


@dataclass(frozen=True, slots=True)
class Demands:
    """What we ask of a signature beyond RFC 6376: to cover the fields `must_sign`, and the `whole_body`, not a part."""

    must_sign: tuple[str, ...] = ()
    whole_body: bool = True


def key_question(selector: str, domain: str) -> Question:
    """Return the DNS question for a key (RFC 6376 §3.6.2.1)."""
    return Question(f"{selector}._domainkey.{domain}", RecordType.TXT)


def evaluate(
    signature: Signature,
    message: MessageFields,
    body: HashedBody,
    answer: Answer,
    now: float,
    metrics: Metrics,
    demands: Demands,
) -> DkimResult:
    """Verify one signature (RFC 6376 §6.1). `now` is in seconds since the epoch. Never raises for bad input."""
    testing = False
    try:
        check_times(signature, now)
        key = find_key(answer, signature.algorithm)
        testing = key.testing
        check_key(signature.algorithm, key)
        _check_identity(signature, key)
        check_body(signature, body)
        check_headers(signature, key, message)
        # Last, for only what verifies can be good and yet not good enough.
        _check_demands(signature, message.headers, body, demands)
    except SignatureError as error:
        if error.cap is not None:
            metrics.cap_hit(error.cap)
        return signature.result(error.value, error.reason, testing=testing)
    return signature.result(DkimValue.PASS, testing=testing)


def check_times(signature: Signature, now: float) -> None:
    """Compare with the clock, allowing for its skew; raises SignatureError."""
    if signature.expires is not None and signature.expires + SKEW < now:
        raise SignatureError(DkimValue.FAIL, "signature expired")
    if signature.timestamp is not None and signature.timestamp - SKEW > now:
        raise SignatureError(DkimValue.FAIL, "signature is from the future")


def find_key(answer: Answer, algorithm: str) -> Key:
    """Return the key in a DNS answer, one that fits `algorithm` if there is one; raises SignatureError."""
    if answer.status is Status.TEMPERROR:
        raise SignatureError(DkimValue.TEMPERROR, f"no answer for the key: {answer.reason}")
    if answer.status is not Status.FOUND:
        raise SignatureError(DkimValue.PERMERROR, "no key for signature")
    return choose_key(answer.texts, algorithm.partition("-")[0])


def check_key(algorithm: str, key: Key) -> None:
    """RFC 6376 §3.6.1: k= and h= bind the key's user; raises SignatureError."""
    if not algorithm.startswith(key.kind):
        raise SignatureError(DkimValue.PERMERROR, "key is of another type")
    if key.hash_names is not None and b"sha256" not in key.hash_names:
        raise SignatureError(DkimValue.FAIL, "key does not allow sha256")


def check_body(signature: Signature, body: HashedBody) -> None:
    """Compare the body hash, of as much as is signed; raises SignatureError."""
    digest = body.digest
    if signature.length is not None and signature.length != body.length:
        if signature.length > body.length:
            raise SignatureError(DkimValue.PERMERROR, "l= is larger than the body")
        digest = body.beginnings[signature.length]
    if signature.body_hash != digest:
        raise SignatureError(DkimValue.FAIL, "body hash did not verify")


def check_headers(signature: Signature, key: Key, message: MessageFields) -> None:
    """Verify the signature itself; raises SignatureError."""
    check_digest(key, signature.signature, header_digest(signature, message))


def check_digest(key: Key, signature: bytes, digest: bytes) -> None:
    """Verify that `signature` is one of `digest`; raises SignatureError."""
    if not key.verifies(signature, digest):
        raise SignatureError(DkimValue.FAIL, "signature did not verify")


def check_whole_body(signature: Signature, body: HashedBody) -> None:
    """RFC 6376 §8.2: whatever ``l=`` leaves unsigned could be all that a reader sees; raises SignatureError."""
    if signature.length is not None and signature.length < body.length:
        raise SignatureError(DkimValue.POLICY, "l= leaves a part of the body unsigned")


def _check_identity(signature: Signature, key: Key) -> None:
    # RFC 6376 §3.6.1 t=s: i= must be d= itself.
    if key.strict and signature.identity_domain != signature.domain:
        raise SignatureError(DkimValue.FAIL, "key does not allow subdomains")


def _check_demands(signature: Signature, headers: Headers, body: HashedBody, demands: Demands) -> None:
    if demands.whole_body or signature.length == 0:
        check_whole_body(signature, body)
    for name in demands.must_sign:
        # RFC 6376 §8.15: a second field above the signed one is what a reader sees.
        if len(headers.all(name)) > signature.names.count(name.lower().encode()):
            raise SignatureError(DkimValue.POLICY, f"{name} is not signed")
