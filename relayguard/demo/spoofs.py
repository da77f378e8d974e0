"""The spoofs of the demonstration: mail that passes authentication, and deceives all the same."""

from itertools import count

from relayguard.demo.scenes import Scene, compose
from relayguard.demo.zone import LOOKALIKE, OTHER_SUFFIX, STRANGER

PERSON = "Bob Builder"
"""Whose name must not be used by strangers."""

_SENDER = "evil.example"


def spoofs(first: int) -> list[Scene]:
    """Return the spoofs; the first has the number `first`."""
    numbers = count(first)
    return [*_domains(numbers), *_names(numbers), _in_shadow(next(numbers))]


def _domains(numbers: "count[int]") -> list[Scene]:
    return [
        _refused(
            "a domain with a digit for a letter, under the name of a protected person: SPF and DMARC pass",
            compose(next(numbers), f"{PERSON} <bob@{LOOKALIKE}>", "Invoice"),
            f"bob@{LOOKALIKE}",
            (f"lookalike (strong): {LOOKALIKE} looks like example.com", "name_person"),
            f"dmarc=pass header.from={LOOKALIKE}",
        ),
        _refused(
            "our name under another suffix",
            compose(next(numbers), f'"Builder, Bob" <bob@{OTHER_SUFFIX}>', "Invoice"),
            f"bob@{OTHER_SUFFIX}",
            (f"lookalike (strong): {OTHER_SUFFIX} looks like example.com",),
            f"dmarc=pass header.from={OTHER_SUFFIX}",
        ),
        _refused(
            "our own domain from outside, and nothing that vouches for it",
            compose(next(numbers), f"{PERSON} <bob@example.com>", "Urgent"),
            f"mallory@{_SENDER}",
            ("own_author (strong): example.com from outside",),
            "dmarc=none header.from=example.com",
        ),
    ]


def _names(numbers: "count[int]") -> list[Scene]:
    free = "Reply-To: bob@free.example"
    return [
        _held(
            "the director's name at a strange address, answers to a third one: held for a look",
            compose(next(numbers), f'"Builder, Bob (CEO)" <ceo@{_SENDER}>', "Are you free?", free),
            ("name_person (medium)", "reply_elsewhere (weak)"),
        ),
        _held(
            "our address for a name, and characters that are not seen",
            compose(next(numbers), f'"help@example.com\u200b" <x@{_SENDER}>', "Your password"),
            ("name_domain (medium)", "hidden_text (medium)"),
        ),
    ]


def _in_shadow(number: int) -> Scene:
    return Scene(
        title="the first of them again, profile monitor: delivered, and the log says what would have been",
        client=STRANGER,
        helo="stranger.example",
        sender=f"bob@{LOOKALIKE}",
        message=compose(number, f"{PERSON} <bob@{LOOKALIKE}>", "Invoice"),
        profile="monitor",
        notes=("lookalike (strong)", "spoof would reject"),
    )


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
        sender=f"x@{_SENDER}",
        message=message,
        decision="quarantined",
        notes=notes,
    )
