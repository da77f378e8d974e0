import dkim
import pytest

from bench.keys import make_keys, pairs_of
from bench.signing import sign

MESSAGE = b"From: Alice <a@example.com>\r\nSubject: a\r\n  folded  line\r\nTo: b@example.org\r\n\r\n two  blanks \r\n\r\n\r\n"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_signature_of_the_corpus_verifies(kind: str) -> None:
    pair = pairs_of(make_keys(1))[0]
    published = {"rsa": pair.published_rsa, "ed25519": pair.published_ed25519}[kind]
    record = f"v=DKIM1; k={kind}; n=a note; p={published}".encode()
    signed = sign(MESSAGE, "example.com", "s1", pair.rsa if kind == "rsa" else pair.ed25519, 1_767_225_600)
    assert dkim.verify(signed, dnsfunc=lambda name, timeout: record)
    assert not dkim.verify(signed + b"more\r\n", dnsfunc=lambda name, timeout: record)
