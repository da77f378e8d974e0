"""Targets: DKIM and ARC, from the tags of one field to a whole message through the hooks of the filters."""

from contextlib import suppress

from relayguard import (
    ArcResult,
    DkimResult,
    Effect,
    Header,
    Headers,
    Results,
    Watch,
)
from relayguard.core.message import split_message
from relayguard.testing import a_session, an_envelope, collect, some_services
from relayguard_plugins.arc.chain import MAX_SETS, ChainError, read_chain
from relayguard_plugins.arc.filter import ArcFilter
from relayguard_plugins.dkim.body_hash import BodyHash, HashedBody
from relayguard_plugins.dkim.filter import DkimFilter, Options
from relayguard_plugins.dkim.header_hash import MessageFields, header_digest, relaxed_field, without_signature
from relayguard_plugins.dkim.key import Key, choose_key, parse_key
from relayguard_plugins.dkim.signature import Signature, describe_broken, parse_signature
from relayguard_plugins.dkim.tags import TagError, parse_tags, words
from relayguard_plugins.dkim.values import SignatureError
from tests.fuzz.target import Target, pieces
from tests.relayguard_plugins.arc.sealing import arc_zone, seal
from tests.relayguard_plugins.dkim.signing import MESSAGE, Tags, ed25519_key, published, rsa_key, sign, txt

KB = 1024
HEADER_BLOCK = 256 * KB


def check_tags(given: bytes) -> None:
    """Tags are read again as they were read, and strictness takes some away."""
    try:
        tags = parse_tags(given)
    except TagError:
        tags = {}
    written = b";".join(name.encode() + b"=" + value for name, value in tags.items())
    assert parse_tags(written, strict=True) == tags
    assert all(word == word.strip(b" \t\r\n") for word in words(given))


def check_signature(given: bytes) -> None:
    """A signature is read, or described as broken; what it signs can be hashed in both forms."""
    header = Header("DKIM-Signature", given)
    assert isinstance(relaxed_field(b"X", given), bytes)
    assert len(without_signature(given)) <= len(given)
    try:
        signature = parse_signature(header)
    except SignatureError as error:
        describe_broken(header, error).reported()
        return
    assert isinstance(signature, Signature)
    fields = MessageFields(Headers([Header("From", b" a@example.com", 0), header]))
    assert len(header_digest(signature, fields)) == 32


def check_key(given: bytes) -> None:
    """A key is read or refused, and verifies nothing that was not signed with it."""
    # A second measurement must not find it known.
    parse_key.cache_clear()
    try:
        key = choose_key((given,), "rsa")
    except SignatureError:
        return
    assert isinstance(key, Key)
    assert not key.verifies(b"\0" * 256, b"\0" * 32)


def check_body(given: bytes) -> None:
    """A body has the same hash however it is cut, and the same beginnings."""
    lengths = (0, 1, len(given) // 2, len(given))
    for relaxed in (False, True):
        assert _hashed([given], lengths, relaxed=relaxed) == _hashed(pieces(given), lengths, relaxed=relaxed)


def _hashed(chunks: list[bytes], lengths: tuple[int, ...], *, relaxed: bool) -> HashedBody:
    body = BodyHash(relaxed=relaxed, lengths=lengths)
    for chunk in chunks:
        body.feed(chunk)
    return body.finish()


def check_verified(given: bytes) -> None:
    """The DKIM filter finds results, and the same ones however the body is cut."""
    pairs, body = split_message(given)
    headers = Headers.of(*pairs)
    found = _verified(headers, [body])
    assert found
    assert all(isinstance(each, DkimResult) and each.reported() for each in found)
    assert _verified(headers, pieces(body)) == found


def _verified(headers: Headers, chunks: list[bytes]) -> list[Effect]:
    dkim = DkimFilter(Options(must_sign=("Subject",)), some_services(_ZONE))
    envelope = an_envelope()
    _feed(collect(dkim.end_of_headers(envelope, headers)), chunks)
    return collect(dkim.end_of_message(envelope, headers))


def check_chain(given: bytes) -> None:
    """The ARC filter finds one result, the same one however the body is cut."""
    pairs, body = split_message(given)
    headers = Headers.of(*pairs)
    with suppress(ChainError):
        assert len(read_chain(headers)) <= MAX_SETS
    found = _validated(headers, [body])
    assert [type(each) for each in found] == [ArcResult]
    assert _validated(headers, pieces(body)) == found


def _validated(headers: Headers, chunks: list[bytes]) -> list[Effect]:
    arc = ArcFilter(some_services(_ZONE))
    envelope, none = an_envelope(), Results()
    _feed(collect(arc.end_of_headers(envelope, headers, none)), chunks)
    return collect(arc.end_of_message(a_session(), envelope, headers, none))


def _feed(effects: list[Effect], chunks: list[bytes]) -> None:
    for effect in effects:
        assert isinstance(effect, Watch)
        for chunk in chunks:
            effect.reader.feed(chunk)


_KEY_RECORD = f"v=DKIM1; k=ed25519; p={published(ed25519_key())}"
_ZONE = txt("s1._domainkey.example.com", _KEY_RECORD) + arc_zone()
_ED25519: Tags = {"a": "ed25519-sha256"}
_SIGNED = sign(tags=_ED25519, key=ed25519_key())
_SIMPLE = sign(tags={**_ED25519, "c": "simple/simple", "l": "4", "t": "1", "x": "99999999999"}, key=ed25519_key())
_SIGNATURE = split_message(_SIGNED)[0][0][1]
_SEALED = seal(seal(MESSAGE))

_WHITE = (b" ", b"\t", b"\r\n ", b"\r", b"\n", b"\0", b"\xff", b"\xc3\xbc")
_TAGS = (
    b";",
    b"=",
    b":",
    b"v=1",
    b"a=rsa-sha256",
    b"c=relaxed/simple",
    b"d=example.com",
    b"s=s1",
    b"h=from:from",
    b"b=",
)
_MORE_TAGS = (
    b"bh=",
    b"l=1",
    b"t=y:s",
    b"x=1",
    b"i=@example.com",
    b"q=dns/txt",
    b"z=",
    b"AAAA",
    b"=A",
    b"*",
    b"email",
)
_SETS = (
    b"ARC-Seal: ",
    b"ARC-Message-Signature: ",
    b"ARC-Authentication-Results: ",
    b"i=1; ",
    b"i=2",
    b"cv=pass",
    b"cv=none",
)
_LINES = (b"\r\n", b"\r\n\r\n", b"From: a@example.com\r\n", b"DKIM-Signature: ", b"Subject: a\r\n")

SIGNATURES = (
    Target(
        name="tags",
        check=check_tags,
        cap=8 * KB,
        seeds=(_SIGNATURE, _KEY_RECORD.encode()),
        tokens=_TAGS + _MORE_TAGS + _WHITE,
        times=32,
    ),
    Target(
        name="signature",
        check=check_signature,
        cap=8 * KB,
        seeds=(_SIGNATURE, split_message(_SIMPLE)[0][0][1]),
        tokens=_TAGS + _MORE_TAGS + _WHITE,
        times=32,
    ),
    Target(
        name="key",
        check=check_key,
        cap=8 * KB,
        seeds=(_KEY_RECORD.encode(), f"v=DKIM1; h=sha256; t=y:s; p={published(rsa_key())}".encode()),
        tokens=(*_TAGS, *_MORE_TAGS, *_WHITE, b"p=", b"k=ed25519", b"v=DKIM1", b"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"),
        times=20,
    ),
    Target(
        name="body",
        check=check_body,
        cap=1024 * KB,
        seeds=(b"At  noon. \r\n\r\n", b"a\t b \r\n\r\n\r\n"),
        tokens=(*_WHITE, b"\r\n", b"a", b"\r\r\n", b"\n\r"),
    ),
    Target(
        name="verified",
        check=check_verified,
        cap=HEADER_BLOCK,
        seeds=(_SIGNED, _SIMPLE),
        tokens=_TAGS + _MORE_TAGS + _LINES + _WHITE,
    ),
    Target(
        name="chain",
        check=check_chain,
        cap=HEADER_BLOCK,
        seeds=(_SEALED,),
        tokens=_SETS + _TAGS + _MORE_TAGS + _LINES + _WHITE,
    ),
)
