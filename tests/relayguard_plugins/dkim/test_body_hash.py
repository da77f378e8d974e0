import base64
import hashlib
import re

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Slots
from relayguard_plugins.dkim.body_hash import BodyHash, share, shared, shorten
from tests.relayguard_plugins.dkim.signing import canonical_body, chunks, pem, rsa_key

BODIES = st.text("ab \t\r\n", max_size=60).map(str.encode) | st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b" ", b"\t", b"  ", b"word", b"\0\xff", b" \r\n"]), max_size=20
).map(b"".join)
"""Bodies full of what matters: ends of lines, bare ones too, and white space."""


def hashed(body: bytes, *, relaxed: bool, cuts: list[int]) -> tuple[bytes, int]:
    running = BodyHash(relaxed=relaxed)
    for chunk in chunks(body, cuts):
        running.feed(chunk)
    return whole(running)


def whole(running: BodyHash) -> tuple[bytes, int]:
    body = running.finish()
    return body.digest, body.length


def reference(body: bytes, *, relaxed: bool) -> tuple[bytes, int]:
    content = canonical_body(body, relaxed=relaxed)
    return hashlib.sha256(content).digest(), len(content)


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"", b"\r\n", b""),
        (b"\r\n", b"\r\n", b""),
        (b"\r\n\r\n\r\n", b"\r\n", b""),
        (b" \r\n", b" \r\n", b""),
        (b" ", b" \r\n", b""),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a \t b \r\n\r\n", b"a \t b \r\n", b"a b\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),
        (b"a\r\n\r\nb", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r", b"a\r\r\n", b"a\r\r\n"),
        (b"a \r", b"a \r\r\n", b"a \r\r\n"),
        (b"a\nb \n", b"a\nb \n\r\n", b"a\nb \n\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n", b"a\r\r\n"),
    ],
)
def test_a_body_is_hashed_in_its_canonical_form(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert hashed(body, relaxed=False, cuts=[]) == (hashlib.sha256(simple).digest(), len(simple))
    assert hashed(body, relaxed=True, cuts=[]) == (hashlib.sha256(relaxed).digest(), len(relaxed))


@given(BODIES, st.booleans(), st.lists(st.integers(0, 99)))
@settings(max_examples=1000, deadline=None)
def test_wherever_a_body_is_cut_its_hash_is_the_same(body: bytes, relaxed: bool, cuts: list[int]) -> None:  # noqa: FBT001
    assert hashed(body, relaxed=relaxed, cuts=cuts) == reference(body, relaxed=relaxed)


@pytest.mark.parametrize("relaxed", [False, True])
def test_a_body_may_come_one_octet_at_a_time(relaxed: bool) -> None:  # noqa: FBT001
    body = b" a\t \r\n\r\nb \r\r\n\n  \r\n \r\n"
    assert hashed(body, relaxed=relaxed, cuts=list(range(99))) == reference(body, relaxed=relaxed)


@given(st.lists(st.text("ab \t.", max_size=12), min_size=1, max_size=8), st.sampled_from([b"simple", b"relaxed"]))
@settings(max_examples=100, deadline=None)
def test_the_hash_of_whole_lines_is_that_of_dkimpy(lines: list[str], form: bytes) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    message = b"From: a@example.com\r\n\r\n" + body
    signed = dkim.sign(message, b"s1", b"example.com", pem(rsa_key(1024)), canonicalize=(b"simple", form))
    found = re.search(rb"bh=([^;]+);", signed)
    assert found is not None
    theirs = base64.b64decode(re.sub(rb"\s", b"", found[1]))
    assert hashed(body, relaxed=form == b"relaxed", cuts=[3, 5])[0] == theirs


HOSTILE = {
    "spaces": b" " * 400_000,
    "tabs and spaces": b"\t " * 200_000,
    "blank lines": b"\r\n" * 200_000,
    "blank lines of white space": b" \t\r\n" * 100_000,
    "bare CRs": b"\r" * 400_000,
    "bare LFs": b"\n" * 400_000,
    "wrong line ends": b"\n\r" * 200_000,
    "words and spaces": b"x " * 200_000,
}


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_nothing_piles_up_between_chunks(body: bytes, relaxed: bool) -> None:  # noqa: FBT001
    # Work on a chunk is linear in what is held and the chunk: so the whole is linear, if little is ever held.
    running = BodyHash(relaxed=relaxed)
    for start in range(0, len(body), 997):
        running.feed(body[start : start + 997])
        assert len(running._held) <= 2
    assert whole(running) == reference(body, relaxed=relaxed)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_run_of_white_space_takes_few_passes(body: bytes) -> None:
    passes = 0

    class Counted(bytes):
        """Bytes that count how often they are gone through."""

        __slots__ = ()

        def replace(self, *arguments: object) -> "Counted":
            nonlocal passes
            passes += 1
            return Counted(bytes.replace(self, *arguments))  # type: ignore[arg-type]

    shortened = shorten(Counted(body))
    assert passes <= 20
    assert shortened == re.sub(rb" +", b" ", body)


@pytest.mark.parametrize("run", [b"x  ", b"x " * 50 + b"     ", b"x" * 200 + b" \t "])
def test_runs_are_shortened_alike_however_thick_they_stand(run: bytes) -> None:
    body = run * 3000 + b"end"
    assert hashed(body, relaxed=True, cuts=[5000, 9000]) == reference(body, relaxed=True)


@pytest.mark.parametrize("form", ["simple", "relaxed"])
@given(body=BODIES, cuts=st.lists(st.integers(0, 100), max_size=3), lengths=st.lists(st.integers(0, 70), max_size=4))
@settings(deadline=None)
def test_the_hash_of_each_beginning_is_noted_however_the_body_is_cut(
    form: str, body: bytes, cuts: list[int], lengths: list[int]
) -> None:
    relaxed = form == "relaxed"
    running = BodyHash(relaxed=relaxed, lengths=lengths)
    for chunk in chunks(body, cuts):
        running.feed(chunk)
    content = canonical_body(body, relaxed=relaxed)
    expected = {length: hashlib.sha256(content[:length]).digest() for length in lengths if length <= len(content)}
    found = running.finish()
    assert {length: digest for length, digest in found.beginnings.items() if length} == {
        length: digest for length, digest in expected.items() if length
    }
    assert found is running.finish()


def test_a_hash_that_one_filter_began_is_found_by_the_next() -> None:
    slots, bodies = Slots(), {True: BodyHash(relaxed=True)}
    assert shared(slots) == {}
    share(slots, bodies)
    assert shared(slots) is bodies
