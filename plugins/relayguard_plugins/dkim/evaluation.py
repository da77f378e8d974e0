"""DKIM of one signature: a function of the signature, the message, the DNS answer and the time."""

from dataclasses import dataclass

from relayguard import Answer, DkimResult, DkimValue, Headers, Metrics, Question, RecordType, Status
from relayguard_plugins.dkim.header_hash import header_digest
from relayguard_plugins.dkim.key import Key, choose_key
from relayguard_plugins.dkim.signature import SKEW, Signature, SignatureError


@dataclass(frozen=True, slots=True)
class HashedBody:
    """The canonical body: its SHA-256 hash, and its length in octets."""

    digest: bytes
    length: int


def key_question(signature: Signature) -> Question:
    """Return the DNS question for the signature's key (RFC 6376 §3.6.2.1)."""
    return Question(f"{signature.selector}._domainkey.{signature.domain}", RecordType.TXT)


def evaluate(
    signature: Signature, headers: Headers, body: HashedBody, answer: Answer, now: float, metrics: Metrics
) -> DkimResult:
    """Verify one signature (RFC 6376 §6.1). `now` is in seconds since the epoch. Never raises for bad input."""
    testing = False
    try:
        _check_times(signature, now)
        key = _find_key(answer)
        testing = key.testing
        _check_key(signature, key)
        _check_body(signature, body)
        _check_signature(signature, key, headers)
    except SignatureError as error:
        if error.cap is not None:
            metrics.cap_hit(error.cap)
        return signature.result(error.value, error.reason, testing=testing)
    return signature.result(DkimValue.PASS, testing=testing)


def _check_times(signature: Signature, now: float) -> None:
    if signature.expires is not None and signature.expires + SKEW < now:
        raise SignatureError(DkimValue.FAIL, "signature expired")
    if signature.timestamp is not None and signature.timestamp - SKEW > now:
        raise SignatureError(DkimValue.FAIL, "signature is from the future")


def _find_key(answer: Answer) -> Key:
    if answer.status is Status.TEMPERROR:
        raise SignatureError(DkimValue.TEMPERROR, f"no answer for the key: {answer.reason}")
    if answer.status is not Status.FOUND:
        raise SignatureError(DkimValue.PERMERROR, "no key for signature")
    return choose_key(answer.texts)


def _check_key(signature: Signature, key: Key) -> None:
    # RFC 6376 §3.6.1: k=, h= and t=s bind the key's user.
    if not signature.algorithm.startswith(key.kind):
        raise SignatureError(DkimValue.PERMERROR, "key is of another type")
    if key.hash_names is not None and b"sha256" not in key.hash_names:
        raise SignatureError(DkimValue.FAIL, "key does not allow sha256")
    if key.strict and signature.identity_domain != signature.domain:
        raise SignatureError(DkimValue.FAIL, "key does not allow subdomains")


def _check_body(signature: Signature, body: HashedBody) -> None:
    if signature.length is not None:
        if signature.length > body.length:
            raise SignatureError(DkimValue.PERMERROR, "l= is larger than the body")
        if signature.length < body.length:
            # Whatever follows is unsigned, and could be all that a reader sees.
            raise SignatureError(DkimValue.POLICY, "l= leaves a part of the body unsigned")
    if signature.body_hash != body.digest:
        raise SignatureError(DkimValue.FAIL, "body hash did not verify")


def _check_signature(signature: Signature, key: Key, headers: Headers) -> None:
    if not key.verifies(signature.signature, header_digest(signature, headers)):
        raise SignatureError(DkimValue.FAIL, "signature did not verify")
