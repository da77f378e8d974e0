"""Messages made to be dear, each in the way in which some mail filter was once caught. None is well signed."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.corpus import Case, Message
from bench.site import FORWARDER, Record, Site, text_record

MEGABYTE = 1_000_000
BODY = 9_000_000
"""Below what Postfix takes by default (message_size_limit, 10,240,000)."""

_INCLUDES = 10
# libmilter takes no packet beyond 64 KB, and one header field is one packet.
_FOLDS, _AUTHORS = 70, 2000
_MAZE = "rgb-maze.org"


@dataclass(frozen=True, slots=True)
class Attack:
    """A hostile message: extra header fields, a body, and who it pretends to be from."""

    name: str
    fields: bytes = b""
    body: bytes = b"hello\r\n"
    author: bytes | None = None
    sender_domain: str | None = None


def attacks(site: Site) -> Iterator[Attack]:
    """Yield the attacks; their signatures name keys of `site` that exist."""
    one = _signatures(site, 1)
    yield Attack("blank lines", one, b"\r\n" * (BODY // 2) + b"x\r\n")
    yield Attack("spaces", one, (b" " * 990 + b"x" + b"\t " * 3 + b"\r\n") * (BODY // 999))
    yield Attack("single blanks", one, b"a " * (BODY // 2) + b"\r\n")
    yield Attack("one line", one, b"x" * BODY + b"\r\n")
    yield Attack("60 signatures", _signatures(site, 60), b"word  word \r\n" * (BODY // 13))
    yield Attack("50,000 header fields", one + _fillers(50_000))
    yield Attack("h= of 100 names", _long_list(site) + _fillers(2000))
    yield Attack("folded spaces", b"X-Space: a\r\n" + (b" " * 900 + b"\r\n") * _FOLDS + b" b\r\n" + one)
    authors = b", ".join(b"(((((a)))))<a%d@%b>" % (at, site.domain.encode()) for at in range(_AUTHORS))
    yield Attack("2,000 authors", one, author=authors)
    yield Attack("190 forged results", _forged(190) + one)
    yield Attack("SPF maze", one, sender_domain=_MAZE)


def set_of(attack: Attack) -> str:
    """Return the set that holds only this attack."""
    return "hostile-" + attack.name.replace(" ", "-").replace(",", "").replace("=", "")


def hostile_messages(site: Site) -> Iterator[Message]:
    """Yield each attack as a message, in a set of its own."""
    for attack in attacks(site):
        author = attack.author or b"Team <team@" + site.domain.encode() + b">"
        head = (
            b"From: "
            + author
            + b"\r\nTo: user@bench.test\r\nSubject: hello\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
        )
        case = Case(
            id=set_of(attack),
            set=set_of(attack),
            kind="hostile",
            client=FORWARDER[0],
            helo=FORWARDER[1],
            sender=f"a@{attack.sender_domain or site.domain}",
            recipient="user@bench.test",
        )
        yield case, attack.fields + head + b"\r\n" + attack.body


def hostile_records() -> Iterator[Record]:
    """Yield the maze: as many includes as RFC 7208 allows, none of which matches."""
    includes = " ".join(f"include:i{at}.{_MAZE}" for at in range(_INCLUDES))
    yield text_record(_MAZE, f"v=spf1 {includes} -all")
    for at in range(_INCLUDES):
        ranges = " ".join(f"ip4:10.{at}.{block}.0/24" for block in range(24))
        yield text_record(f"i{at}.{_MAZE}", f"v=spf1 {ranges} ?all")


def _signatures(site: Site, count: int) -> bytes:
    return b"".join(_signature(site, "from:to:subject:date", at) for at in range(count))


def _signature(site: Site, covered: str, at: int) -> bytes:
    canonical = "relaxed/relaxed" if at % 2 == 0 else "simple/simple"
    return (
        f"DKIM-Signature: v=1; a=rsa-sha256; c={canonical}; d={site.domain}; s=s2048; t={1_767_225_600 + at};\r\n"
        f"\th={covered};\r\n\tbh={'A' * 43}=;\r\n\tb={'A' * 342}==\r\n"
    ).encode()


def _long_list(site: Site) -> bytes:
    return b"".join(_signature(site, ":".join(["from", *["x-filler"] * 99]), at) for at in range(10))


def _fillers(count: int) -> bytes:
    return b"".join(b"X-Filler: %08d %b\r\n" % (at, b"y" * 20) for at in range(count))


def _forged(count: int) -> bytes:
    field = b"Authentication-Results: mx.bench.test;\r\n" + b"\tdkim=pass (((a))) header.d=example.com;\r\n" * 380
    return (field + b"\tspf=pass\r\n") * count
