"""The messages of the demonstration, and what each must get; the attacks have a module of their own."""

from dataclasses import dataclass

from relayguard.demo.signing import SenderKey
from relayguard.demo.zone import FORWARDER, GOOD_CLIENT, MX, RECIPIENT, SELECTOR, STRANGER

ALICE = "Alice <alice@good.example>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One message: who sends it how, and what must come of it.

    `reply` is how the SMTP reply must begin. `results` must be in Authentication-Results as delivered (or
    in the log, if the message was refused), and `absent` must not. Each of `notes` must begin one of the log line.
    """

    title: str
    client: str
    sender: str
    message: bytes
    helo: str = "mail.good.example"
    profile: str = "enforce"
    login: bool = False
    reply: str = "250"
    decision: str = "accepted"
    would_be: str | None = None
    results: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def message_id(number: int) -> str:
    """Return the Message-ID of the scene with this number."""
    return f"<scene-{number}@relayguard.demo>"


def compose(number: int, author: str, subject: str, *more: str) -> bytes:
    """Return a small message."""
    lines = [
        *more,
        f"From: {author}",
        f"To: <{RECIPIENT}>",
        f"Subject: {subject}",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000",
        f"Message-ID: {message_id(number)}",
        "",
        "Good morning.",
        "",
        "This message is part of the demonstration.",
        "",
    ]
    return "\r\n".join(lines).encode()


PASSED = "dmarc=pass header.from=good.example policy.dmarc=reject"
SPOOFED = (
    "spf=fail smtp.mailfrom=alice@good.example",
    "dkim=none",
    "dmarc=fail header.from=good.example policy.dmarc=reject",
)


def scenes(key: SenderKey) -> list[Scene]:
    """Return all scenes, in order; their numbers start at 1."""

    def signed(number: int, subject: str) -> bytes:
        return key.sign(compose(number, ALICE, subject), "good.example", SELECTOR)

    changed = signed(6, "Account").replace(b"Good morning.", b"Send money.")
    return [*_honest(signed(1, "Lunch?"), signed(3, "Fwd: Lunch?")), *_spoofed(changed), *_ambiguous(), *_special()]


def _honest(direct: bytes, forwarded: bytes) -> list[Scene]:
    return [
        Scene(
            title="well signed, from the domain's own server",
            client=GOOD_CLIENT,
            sender="alice@good.example",
            message=direct,
            results=("spf=pass smtp.mailfrom=alice@good.example", "dkim=pass header.d=good.example", PASSED),
        ),
        Scene(
            title="SPF only: from the domain's own server, not signed",
            client=GOOD_CLIENT,
            sender="news@plain.example",
            message=compose(2, "News <news@plain.example>", "This week"),
            results=("spf=pass smtp.mailfrom=news@plain.example", "dkim=none", "dmarc=pass"),
        ),
        Scene(
            title="forwarded: the signature survives, SPF does not",
            client=FORWARDER,
            helo="forwarder.example",
            sender="alice@good.example",
            message=forwarded,
            results=("spf=fail smtp.mailfrom=alice@good.example", "dkim=pass", PASSED),
        ),
    ]


def _spoofed(changed: bytes) -> list[Scene]:
    return [
        Scene(
            title="unsigned spoof of a domain with p=reject, profile enforce",
            client=STRANGER,
            helo="stranger.example",
            sender="alice@good.example",
            message=compose(4, ALICE, "Urgent payment"),
            reply="550 5.7.1 DMARC",
            decision="rejected",
            results=SPOOFED,
        ),
        Scene(
            title="the same spoof, profile monitor: delivered, and shown what would have been",
            client=STRANGER,
            helo="stranger.example",
            sender="alice@good.example",
            message=compose(5, ALICE, "Urgent payment"),
            profile="monitor",
            would_be="rejected",
            results=SPOOFED,
        ),
        Scene(
            title="signed, but the body was changed on the way",
            client=FORWARDER,
            helo="forwarder.example",
            sender="alice@good.example",
            message=changed,
            reply="550 5.7.1 DMARC",
            decision="rejected",
            results=("dkim=fail", "body hash did not verify", "dmarc=fail"),
        ),
    ]


def _ambiguous() -> list[Scene]:
    forged = f"Authentication-Results: {MX.upper()} (really); dmarc=pass header.from=bank.example"
    return [
        Scene(
            title="forged Authentication-Results that claim to be ours",
            client=STRANGER,
            helo="stranger.example",
            sender="mallory@evil.example",
            message=compose(7, "Mallory <mallory@evil.example>", "Trust me", forged),
            results=(
                "spf=pass smtp.mailfrom=mallory@evil.example policy.spf=permissive",
                "dmarc=none header.from=evil.example",
            ),
            absent=("bank.example",),
        ),
        Scene(
            title="two From fields",
            client=STRANGER,
            helo="stranger.example",
            sender="mallory@evil.example",
            message=compose(8, ALICE, "Who am I?", "From: Mallory <mallory@evil.example>"),
            reply="550 5.7.1 Message must have one author domain",
            decision="rejected",
            results=("dmarc=permerror",),
        ),
    ]


def _special() -> list[Scene]:
    return [
        Scene(
            title="the sender's DNS is broken: a temporary error, never a failure",
            client=GOOD_CLIENT,
            sender="carol@broken.example",
            message=compose(9, "Carol <carol@broken.example>", "Are you there?"),
            results=("spf=temperror", "dmarc=temperror", "header.from=broken.example"),
        ),
        Scene(
            title="a bounce: the null sender is judged by its HELO name",
            client=GOOD_CLIENT,
            sender="",
            message=compose(10, "Mail Delivery System <mailer-daemon@mail.good.example>", "Undelivered mail"),
            results=("spf=pass smtp.mailfrom=postmaster@mail.good.example", "dmarc=pass"),
        ),
        Scene(
            title="submitted by an authenticated user, over STARTTLS",
            client="127.0.0.1",
            helo="laptop.example",
            sender=RECIPIENT,
            message=compose(11, f"Bob <{RECIPIENT}>", "Note to self"),
            login=True,
            results=("auth=pass",),
            absent=("spf=", "dmarc="),
        ),
    ]
