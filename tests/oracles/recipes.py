"""How signatures are written: the usual tags, and each oddity that a signer or an attacker may think of."""

import random
from collections.abc import Callable

Tags = dict[str, str]

Oddity = Callable[[random.Random, Tags, int, int], None]
"""Changes the tags of a signature before it is made; knows the length of the canonical body, and the time."""

HOUR = 3600

U_LABELS = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"
A_LABELS = "xn--bcher-kva.example"
"""The same domain name, as people and as DNS write it (RFC 8616 §5)."""


def _set(name: str, *values: str) -> Oddity:
    def change(rng: random.Random, tags: Tags, length: int, now: int) -> None:
        tags[name] = rng.choice(values)

    return change


def _drop(name: str) -> Oddity:
    def change(rng: random.Random, tags: Tags, length: int, now: int) -> None:
        tags.pop(name, None)

    return change


def _length(*differences: int) -> Oddity:
    def change(rng: random.Random, tags: Tags, length: int, now: int) -> None:
        tags["l"] = str(max(0, length + rng.choice(differences)))

    return change


def _time(name: str, *differences: int) -> Oddity:
    def change(rng: random.Random, tags: Tags, length: int, now: int) -> None:
        tags[name] = str(now + rng.choice(differences))

    return change


def _lifetime(rng: random.Random, tags: Tags, length: int, now: int) -> None:
    tags["t"] = str(now - 60)
    tags["x"] = str(now - 60 + rng.choice((HOUR, 7 * 24 * HOUR)))


def _backwards(rng: random.Random, tags: Tags, length: int, now: int) -> None:
    tags["t"] = str(now - 60)
    tags["x"] = str(now - 60 - rng.choice((0, 30)))


def _edit(name: str, *edits: Callable[[str], str]) -> Oddity:
    def change(rng: random.Random, tags: Tags, length: int, now: int) -> None:
        tags[name] = rng.choice(edits)(tags.get(name, ""))

    return change


def _identity(rng: random.Random, tags: Tags, length: int, now: int) -> None:
    d = tags.get("d", "")
    tags["i"] = rng.choice((f"@{d}", f"alice@{d}", f"@mail.{d}", f"a=20b@x.mail.{d}", f"@{d.upper()}"))


def _wrong_identity(rng: random.Random, tags: Tags, length: int, now: int) -> None:
    d = tags.get("d", "")
    tags["i"] = rng.choice(
        (d, f"x.{d}", f"@not{d}", "@example.net", f"@{d}.net", "", "@", f"a@b@{d}", f"@ {d}", f"a=2b@{d}")
    )


def _case_of_name(rng: random.Random, tags: Tags, length: int, now: int) -> None:
    name = rng.choice([name for name in tags if name != "b"])
    value = tags.pop(name)
    tags[name.upper()] = value


def _malformed_tag(rng: random.Random, tags: Tags, length: int, now: int) -> None:
    tags[rng.choice(("\N{LATIN SMALL LETTER E WITH ACUTE}", "2x", "x y", "x-y", "_x", "x_y"))] = "1"


USUAL: tuple[Oddity, ...] = (
    _identity,
    _lifetime,
    _time("t", 0, -HOUR, -30 * 24 * HOUR, 100),
    _time("x", HOUR, 24 * HOUR),
    _length(0),
    _set("q", "dns/txt"),
    _set("z", "From:alice@example.com|Subject:lunch"),
    _set("zz", "1", ""),
    _edit("h", lambda h: h.replace(":", " : "), lambda h: h.replace(":", ":\r\n\t"), str.title),
    _edit("d", str.upper, str.title),
)

ODD: tuple[Oddity, ...] = (
    _wrong_identity,
    _wrong_identity,
    _backwards,
    _case_of_name,
    _time("t", HOUR, 11 * HOUR, 30 * 24 * HOUR),
    _set("t", "now", "", "-1", "1", "9" * 13, "9" * 30),
    _time("x", -100, -HOUR, -11 * HOUR, -30 * 24 * HOUR),
    _set("x", "", "1e9", "-1", "9" * 13, "9" * 30),
    _length(-1, -3),
    _length(1, 1000),
    _length(1, 1000),
    _set("l", "0", "", "-1", "x", "9" * 30, "9" * 70, "9" * 77, "00"),
    _set("q", "dns/txt:x", "x:dns/txt", "DNS/TXT", "carrier/pigeon", "dns", "dns/x", ""),
    _edit("d", lambda d: d[:4] + "\r\n " + d[4:], lambda d: d[:4] + " " + d[4:]),
    _edit("d", lambda d: d + "."),
    _set("d", "", "com", "example..com", "exam_ple.com", "ex@mple.com"),
    _set("d", U_LABELS),
    _edit(
        "s", lambda s: s + "\r\n\t", lambda s: s[:1] + "\r\n " + s[1:], str.upper, lambda s: "", lambda s: s + ".."
    ),
    _edit("a", str.upper, lambda a: "rsa-sha1", lambda a: "rsa-md5", lambda a: "", lambda a: a.replace("-", "- ")),
    _edit("a", lambda a: "rsa-sha256" if a.startswith("ed") else "ed25519-sha256"),
    _edit(
        "c",
        str.upper,
        str.title,
        lambda c: "nofws",
        lambda c: "relaxed/relaxed/x",
        lambda c: "",
        lambda c: c + "/",
        lambda c: c[:3] + " " + c[3:],
    ),
    _edit("h", lambda h: h.replace("from", "sender"), lambda h: "", lambda h: h + ":", lambda h: ":" + h),
    _edit("h", lambda h: h.replace("from", "fr om"), lambda h: h.replace(":", ";", 1)),
    _edit("h", lambda h: h + ":dkim-signature"),
    _edit("h", lambda h: h + ":x" * 90, lambda h: h + ":x" * 120),
    _edit(
        "bh", lambda bh: bh[:8] + "\r\n " + bh[8:], lambda bh: bh[:-1], lambda bh: "A" * 43 + "=", lambda bh: "YQ=="
    ),
    _edit("bh", lambda bh: bh.rstrip("="), lambda bh: bh + "=", lambda bh: bh[:5] + "!" + bh[5:], lambda bh: ""),
    _set("v", "2", "1.0", "", "DKIM1", "0.5"),
    _malformed_tag,
    _set("note", "\N{LATIN SMALL LETTER E WITH ACUTE}"),
    *(_drop(name) for name in ("v", "a", "c", "d", "s", "h", "bh")),
)
