"""The messages of the demonstration, and what each must get."""

from dataclasses import dataclass

from relayguard.demo.signing import SenderKey
from relayguard.demo.zone import FORWARDER, GOOD_CLIENT, MX, RECIPIENT, SELECTOR, STRANGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One message: who sends it how, and what must come of it.

    `reply` is how the SMTP reply must begin. `results` must be in Authentication-Results as delivered (or
    in the log, if the message was refused), and `absent` must not.
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


def scenes(key: SenderKey) -> list[Scene]:
    """Return all scenes, in order; their numbers start at 1."""
    good = "Alice <alice@good.example>"
    return [
        Scene(
            title="SPF only: sent by the domain's own server, not signed",
            client=GOOD_CLIENT,
            sender="news@plain.example",
            message=compose(1, "News <news@plain.example>", "This week"),
            results=("spf=pass smtp.mailfrom=news@plain.example",),
        ),
        Scene(
            title="forged Authentication-Results that claim to be ours",
            client=STRANGER,
            sender="mallory@evil.example",
            message=compose(
                2,
                "Mallory <mallory@evil.example>",
                "Trust me",
                f"Authentication-Results: {MX.upper()} (really); dmarc=pass header.from=bank.example",
            ),
            results=("spf=pass",),
            absent=("bank.example",),
        ),
    ]
