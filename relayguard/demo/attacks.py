"""The attacks of the demonstration: published ways around authentication, and what becomes of each."""

from itertools import count

from relayguard.demo.scenes import ALICE, Scene, compose
from relayguard.demo.signing import SenderKey
from relayguard.demo.zone import FORWARDER, SEALER, SELECTOR, STRANGER

MALLORY = "Mallory <mallory@evil.example>"
_FAILED = "dmarc=fail header.from=good.example policy.dmarc=reject"
_AUTHOR = "550 5.7.1 Message must have one author domain"


def attacks(key: SenderKey, first: int) -> list[Scene]:
    """Return the attacks; the first has the number `first`."""
    numbers = count(first)
    return [*_forwarded(key, numbers), *_signed(key, numbers), *_authors(numbers), *_injected(numbers)]


def _refused(title: str, message: bytes, reply: str, *results: str, sender: str = "mallory@evil.example") -> Scene:
    return Scene(
        title=title,
        client=STRANGER,
        helo="stranger.example",
        sender=sender,
        message=message,
        reply=reply,
        decision="rejected",
        results=results,
    )


def _forwarded(key: SenderKey, numbers: "count[int]") -> list[Scene]:
    def sealed(number: int, domain: str) -> bytes:
        found = f"Authentication-Results: {domain}; dmarc=pass header.from=good.example"
        return key.seal(compose(number, ALICE, "[cooks] Lunch?", found), domain, SELECTOR)

    return [
        Scene(
            title="a mailing list changed it, and sealed what it had found (ARC): a sealer that we trust",
            client=FORWARDER,
            helo="forwarder.example",
            sender=f"cooks-bounces@{SEALER}",
            message=sealed(next(numbers), SEALER),
            results=("arc=pass", f"sealed by {SEALER}", "applied none, trusted_forwarder", "dmarc=fail"),
        ),
        _refused(
            "the same claim, sealed by a stranger",
            sealed(next(numbers), "evil.example"),
            "550 5.7.1 DMARC",
            "arc=pass",
            _FAILED,
        ),
    ]


def _signed(key: SenderKey, numbers: "count[int]") -> list[Scene]:
    short = key.sign(compose(next(numbers), ALICE, "Account"), "good.example", SELECTOR, length=True)
    foreign = key.sign(compose(next(numbers), ALICE, "Account"), "evil.example", SELECTOR)
    injected = (
        f"DKIM-Signature: v=1; a=rsa-sha256; d=good.example(.evil.example; s={SELECTOR}; h=from; bh=YQ==; b=YQ=="
    )
    return [
        _refused(
            "a signature with l=, and another text behind the signed one",
            short + b"Pay to this account instead.\r\n",
            "550 5.7.1 DMARC",
            "dkim=policy",
            "l= leaves a part of the body unsigned",
            _FAILED,
        ),
        _refused(
            "signed by the attacker himself",
            foreign,
            "550 5.7.1 DMARC",
            "dkim=pass header.d=evil.example",
            _FAILED,
        ),
        _refused(
            "a signing domain that some readers cut at the parenthesis",
            compose(next(numbers), ALICE, "Account", injected),
            "550 5.7.1 DMARC",
            "dkim=permerror",
            _FAILED,
        ),
    ]


def _authors(numbers: "count[int]") -> list[Scene]:
    shapes = (
        ("an address behind the brackets of another", "<mallory@evil.example>alice@good.example", "dmarc=permerror"),
        ("an address as an unquoted display name", "alice@good.example <mallory@evil.example>", "dmarc=permerror"),
        ("an encoded word where the address must be", "=?utf-8?B?YWxpY2VAZ29vZC5leGFtcGxl?=", "dmarc=permerror"),
    )
    scenes = [
        _refused(title, compose(next(numbers), author, "Hello"), _AUTHOR, result) for title, author, result in shapes
    ]
    hidden = compose(next(numbers), "<@evil.example:alice@good.example>", "Hello")
    return [*scenes, _refused("a source route before the author", hidden, "550 5.7.1 DMARC", _FAILED)]


def _injected(numbers: "count[int]") -> list[Scene]:
    return [
        _refused(
            "a sender with an open comment: no sender at all",
            compose(next(numbers), ALICE, "Hello"),
            "501 5.1.7",
            "spf=permerror",
            sender="(any@good.example",
        ),
        Scene(
            title="a HELO that holds a result of its own: it stays a quoted value",
            client=STRANGER,
            helo="x;dmarc=pass(header.from=bank.example",
            sender="mallory@evil.example",
            message=compose(next(numbers), MALLORY, "Hello"),
            results=('smtp.helo="x;dmarc=pass(header.from=bank.example"', "dmarc=none header.from=evil.example"),
        ),
    ]
