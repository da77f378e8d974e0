"""The spoofs of the demonstration: mail that passes authentication, and deceives all the same."""

from relayguard.demo.scenes import Scene, compose
from relayguard.demo.zone import LOOKALIKE, OTHER_SUFFIX, STRANGER

PERSON = "Bob Builder"
"""Whose name must not be used by strangers."""


def spoofs(first: int) -> list[Scene]:
    """Return the spoofs; the first has the number `first`."""
    lookalike, suffix, own, name, hidden, shadow = range(first, first + 6)
    return [
        _refused(
            "a domain with a digit for a letter, under the name of a protected person: SPF and DMARC pass",
            compose(lookalike, f"{PERSON} <bob@{LOOKALIKE}>", "Invoice"),
            f"bob@{LOOKALIKE}",
            (f"lookalike (strong): {LOOKALIKE} looks like example.com", "name_person"),
            f"dmarc=pass header.from={LOOKALIKE}",
        ),
        _refused(
            "our name under another suffix",
            compose(suffix, f'"Builder, Bob" <bob@{OTHER_SUFFIX}>', "Invoice"),
            f"bob@{OTHER_SUFFIX}",
            (f"lookalike (strong): {OTHER_SUFFIX} looks like example.com",),
            f"dmarc=pass header.from={OTHER_SUFFIX}",
        ),
        _refused(
            "our own domain from outside, and nothing that vouches for it",
            compose(own, f"{PERSON} <bob@example.com>", "Urgent"),
            "mallory@evil.example",
            ("own_author (strong): example.com from outside",),
            "dmarc=none header.from=example.com",
        ),
        _held(
            "the director's name at a strange address, answers to a third one: held for a look",
            compose(
                name, f'"Builder, Bob (CEO)" <ceo@{OTHER_SENDER}>', "Are you free?", "Reply-To: bob@free.example"
            ),
            ("name_person (medium)", "reply_elsewhere (weak)"),
        ),
        _held(
            "our address for a name, and characters that are not seen",
            compose(hidden, f'"help@example.com\u200b" <x@{OTHER_SENDER}>', "Your password"),
            ("name_domain (medium)", "hidden_text (medium)"),
        ),
        Scene(
            title="the first of them again, profile monitor: delivered, and the log says what would have been",
            client=STRANGER,
            helo="stranger.example",
            sender=f"bob@{LOOKALIKE}",
            message=compose(shadow, f"{PERSON} <bob@{LOOKALIKE}>", "Invoice"),
            profile="monitor",
            notes=("lookalike (strong)", "spoof would reject"),
        ),
    ]


OTHER_SENDER = "evil.example"


def _refused(title: str, message: bytes, sender: str, notes: tuple[str, ...], *results: str) -> Scene:
    return Scene(
        title=title,
        client=STRANGER,
        helo="stranger.example",
        sender=sender,
        message=message,
        reply="550 5.7.1 Message looks like a forgery",
        decision="rejected",
        results=results,
        notes=notes,
    )


def _held(title: str, message: bytes, notes: tuple[str, ...]) -> Scene:
    return Scene(
        title=title,
        client=STRANGER,
        helo="stranger.example",
        sender=f"x@{OTHER_SENDER}",
        message=message,
        decision="quarantined",
        notes=notes,
    )
