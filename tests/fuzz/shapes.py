"""Whole messages at the caps, each made to be dear in a way of its own, and the zone that their names lead to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from relayguard.core.message import split_message
from tests.fuzz.big_key import dear_key
from tests.fuzz.rig import Incoming
from tests.relayguard_plugins.arc.sealing import seal
from tests.relayguard_plugins.dkim.signing import published, rsa_key, sign, txt

KB, MB = 1024, 1_000_000
BLOCK = 256 * KB
_FIELD, _SIGNATURE, _RESULTS = 16 * KB, 8 * KB, 16 * KB
_HEAD = b"From: Alice <alice@example.com>\r\nTo: bob@example.org\r\nSubject: Lunch?\r\n"
_DEAR = "dear.example"
_HUNDRED = ":".join(["from"] + [f"x{at}" for at in range(99)])


@dataclass(frozen=True, slots=True)
class Shape:
    """One hostile message, and who is said to bring it; `author` None is the usual From field."""

    name: str
    make: Callable[[], bytes]
    sender: bytes = b"<alice@example.com>"
    client: str = "192.0.2.1"
    helo: str = "client.example"

    def incoming(self) -> Incoming:
        """Return the message as the MTA hands it over."""
        pairs, body = split_message(self.make())
        return Incoming(pairs, body, self.client, self.helo, self.sender)


def zone() -> str:
    """Return the zone: honest keys, keys as large as the caps allow, and SPF records that lead nowhere."""
    small, large = (f"v=DKIM1; p={published(key)}" for key in (rsa_key(), dear_key()))
    keys = txt("s1._domainkey.example.com", small) + txt("s1._domainkey.lists.example", small)
    keys += txt(f"s1._domainkey.{_DEAR}", large) + txt(
        "_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:a@example.com"
    )
    return keys + "".join(_spf())


def shapes() -> Iterator[Shape]:
    """Yield the messages; each is made when it is asked for."""
    yield Shape("honest, 10 KB", lambda: sign(_message(body=_lines(b"word  word ", 10 * KB))))
    for family in (_fields, _authors, _results, _signatures, _chains, _bodies):
        for name, make in family().items():
            yield Shape(name, make)
    yield Shape("relayed: 50 A-R of ours", lambda: _message(_our_results()), client="198.51.100.1")
    yield Shape("SPF: 10 includes of 4 KB", _message, sender=b"<a@maze.example>")
    yield Shape("SPF: 10 MX of 10 hosts", _message, sender=b"<a@mx.example>")
    yield Shape("SPF: a record of macros", _message, sender=b"<a.b.c.d.e.f.g.h.i@macros.example>")
    yield Shape("SPF: ptr", _message, sender=b"<a@ptr.example>")
    yield Shape("sender of 64 KB", _message, sender=b"<" + b'"\\"' * 22_000 + b"@example.com>")
    yield Shape("everything at once", _everything)


def _message(extra: bytes = b"", head: bytes = _HEAD, body: bytes = b"hello\r\n") -> bytes:
    return extra + head + b"\r\n" + body


def _filled(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


def _lines(unit: bytes, size: int, width: int = 70) -> bytes:
    return _filled(_filled(unit, width) + b"\r\n", size)


def _one(name: bytes, opening: bytes, unit: bytes, size: int) -> bytes:
    return name + b": " + opening + _filled(unit, size - len(opening) - len(name) - 8) + b"\r\n"


def _several(field: bytes) -> bytes:
    return field * ((BLOCK - 1 * KB) // len(field))


def _fields() -> Mapping[str, Callable[[], bytes]]:
    room = BLOCK - KB
    return {
        "60,000 tiny fields": lambda: _message(_filled(b"A:\r\n", room)),
        "60,000 List-Id": lambda: _message(_filled(b"List-Id:<a>\r\n", room)),
        "one field of 256 KB": lambda: _message(_one(b"X", b"", b"x", room)),
        "one field of spaces": lambda: _message(_one(b"X", b"", b" ", room)),
        "one field of folds": lambda: _message(_one(b"X", b"", b"\r\n ", room)),
        "stripped fields": lambda: _message(_filled(b"X-Spam-A:\r\n", room)),
        "List-Id of 256 KB of <": lambda: _message(_one(b"List-Id", b"", b"<", room)),
        "Subject of encoded words": lambda: _message(_one(b"Subject", b"", b"=?utf-8?q?a?= ", room)),
        "10 MB of tiny fields": lambda: _message(_filled(b"A:\r\n", 10 * MB)),
        "10 MB of stripped fields": lambda: _message(_filled(b"X-Spam-A:\r\n", 10 * MB)),
        "10 MB of A-R": lambda: _message(_filled(_one(b"Authentication-Results", b"", b"((", _RESULTS), 10 * MB)),
        "10 MB of tiny A-R": lambda: _message(_filled(b"Authentication-Results: a\r\n", 10 * MB)),
        "10 MB of From": lambda: _message(_filled(b"From: a@example.com\r\n", 10 * MB)),
        "10 MB of DKIM-Signature": lambda: _message(_filled(b"DKIM-Signature: v=1\r\n", 10 * MB)),
    }


_FROM_UNITS = (
    b"(",
    b"()",
    b'"',
    b'"" ',
    b"a, ",
    b"a@b, ",
    b"a@example.com,",
    b"g:a@b;,",
    b"<",
    b"@a:",
    b" ",
    b"\r\n ",
    b"=?",
    b"=?utf-8?q?",
    b"=?utf-8?b?QUFB?= ",
    b"a.",
    b"\\",
    b"\xc3\xbc",
    b"\xff",
    b"xn--a.",
)


def _authors() -> Mapping[str, Callable[[], bytes]]:
    def of(opening: bytes, unit: bytes) -> Callable[[], bytes]:
        return lambda: _message(head=_one(b"From", opening, unit, _FIELD) + b"To: bob@example.org\r\n")

    made = {f"From: {unit.decode('latin-1')!r} 16 KB": of(b"", unit) for unit in _FROM_UNITS}
    named = {f'From: "{unit.decode("latin-1")}..." <a@b>': _named(unit) for unit in _FROM_UNITS[10:]}
    labels = ", ".join(f"a@\u00fc{at}.example" for at in range(100)).encode()
    return {
        **made,
        **named,
        "From: 100 U-labels": lambda: _message(head=b"From: " + labels + b"\r\n"),
        "From: 100 long U-labels": lambda: _message(head=b"From: " + _long_labels() + b"\r\n"),
    }


def _named(unit: bytes) -> Callable[[], bytes]:
    name = _filled(unit.replace(b'"', b"").replace(b"\\", b"") or b" ", _FIELD - KB)
    return lambda: _message(head=b'From: "' + name + b'" <a@example.com>\r\n')


def _long_labels() -> bytes:
    label = "\u00fc\u4e2d\u0431" * 9
    return ", ".join(f"a@{label}{at}.{label}" for at in range(100)).encode()


_RESULT_UNITS = (
    b"(",
    b"()",
    b"(\\",
    b"(((((a)))))",
    b'"',
    b'""',
    b";",
    b"; spf=pass",
    b"; a=b (((c))) d.e=f",
    b"=",
    b" ",
    b"a",
    b"\\",
    b"\xff",
    b"mx.example.com",
)


def _results() -> Mapping[str, Callable[[], bytes]]:
    def of(opening: bytes, unit: bytes) -> Callable[[], bytes]:
        return lambda: _message(_several(_one(b"Authentication-Results", opening, unit, _RESULTS)))

    openings = (b"", b"mx.example.org; ", b"(")
    return {
        f"A-R: {opening.decode()}{unit.decode('latin-1')!r}": of(opening, unit)
        for opening in openings
        for unit in _RESULT_UNITS
    } | {"A-R: 50 of 16 KB": lambda: _message(50 * _one(b"Authentication-Results", b"", b"(a\\)", _RESULTS))}


def _our_results() -> bytes:
    entry = b"; iprev=pass policy.iprev=192.0.2.1"
    return _several(_one(b"Authentication-Results", b"mx.example.com", entry, _RESULTS))


def _tags(names: str, *, at: int = 0, relaxed: bool = True, d: str = "example.com", more: bytes = b"") -> bytes:
    form = "relaxed/relaxed" if relaxed else "simple/simple"
    fixed = f"DKIM-Signature: v=1; a=rsa-sha256; c={form}; d={d}; s=s1; h={names}; t={at}; bh={'A' * 43}="
    return fixed.encode() + more + b"; b=" + b"A" * 342 + b"==\r\n"


def _signatures() -> Mapping[str, Callable[[], bytes]]:
    same = ":".join(["from"] + ["x"] * 99)
    absent = ":".join(["from"] + ["y"] * 99)
    padded = b"; z=" + b"z" * (7 * KB)
    return {
        "100 signatures of 2.5 KB": lambda: _message(b"".join(_tags(_HUNDRED, at=at) for at in range(100))),
        "30 signatures of 8 KB": lambda: _message(b"".join(_tags(_HUNDRED, at=at, more=padded) for at in range(30))),
        "1,000 broken signatures": lambda: _message(_filled(b"DKIM-Signature: v=1; a=;\r\n", BLOCK - KB)),
        "signatures of semicolons": lambda: _message(_several(_one(b"DKIM-Signature", b"", b";", _SIGNATURE))),
        "signatures of 2,000 tags": lambda: _message(_several(b"DKIM-Signature: " + _many_tags() + b"\r\n")),
        "signatures of colons": lambda: _message(_several(_one(b"DKIM-Signature", b"h=", b":", _SIGNATURE))),
        "signatures of spaces": lambda: _message(_several(_one(b"DKIM-Signature", b"b=", b" ", _SIGNATURE))),
        "10 valid, h= one name 100 times": lambda: _signed_ten(same, b"X: a\r\n" * 4900),
        "10 valid, h= 99 names absent": lambda: _signed_ten(absent, b"X: a\r\n" * 4900),
        "10 valid, 200 KB signed": lambda: _signed_ten(_HUNDRED, _lines_of_fields(200 * KB)),
        "10 valid, dear keys": lambda: _signed_ten(_HUNDRED, _lines_of_fields(200 * KB), _DEAR, dear_key()),
        "10 valid, 99 l=": _signed_lengths,
    }


def _many_tags() -> bytes:
    return b"".join(b"a%d=;" % at for at in range(1100))


def _lines_of_fields(size: int) -> bytes:
    return b"".join(b"X%d: " % at + _filled(b"a \t", size // 99) + b"\r\n" for at in range(99))


def _signed_ten(
    names: str, fields: bytes, domain: str = "example.com", key: rsa.RSAPrivateKey | None = None
) -> bytes:
    message = _message(fields, body=_lines(b"word  word\t ", MB))
    for at in range(10):
        form = "relaxed/relaxed" if at % 2 else "simple/simple"
        message = sign(message, {"h": names, "c": form, "d": domain, "t": str(at)}, key=key)
    return message


def _signed_lengths() -> bytes:
    message = _message(body=_lines(b"word  word\t ", MB))
    for at in range(10):
        message = sign(message, {"l": str(at * 100_000), "c": ("relaxed/" * 2)[:15] if at % 2 else "simple/simple"})
    return message


def _chains() -> Mapping[str, Callable[[], bytes]]:
    return {
        "50 ARC sets": lambda: _sealed(50, "from:subject"),
        "50 ARC sets, h= of 100 names": lambda: _sealed(50, _HUNDRED, b"X5: a\r\n" * 4700),
        "50 ARC sets, dear keys": lambda: _sealed(50, "from:subject", domain=_DEAR, key=dear_key()),
        "10 ARC sets, 200 KB signed": lambda: _sealed(11, _HUNDRED, _lines_of_fields(200 * KB)),
        "50 ARC sets of parentheses": lambda: _broken_sets(b"("),
        "50 ARC sets of 50 results": lambda: _sealed(
            50, "from:subject", results="lists.example" + "; a=b c.d=e" * 200
        ),
        "2,000 ARC fields": lambda: _message(_filled(b"ARC-Seal: i=1; cv=none\r\n", BLOCK - KB)),
    }


@cache
def _sealed(
    count: int,
    names: str,
    fields: bytes = b"",
    domain: str = "lists.example",
    key: rsa.RSAPrivateKey | None = None,
    results: str = "lists.example; dmarc=pass header.from=example.com",
) -> bytes:
    message = _message(fields)
    for _ in range(count):
        message = seal(message, domain=domain, key=key, results=results, signature={"h": names})
    return message


def _broken_sets(unit: bytes) -> bytes:
    sets = b""
    for at in range(1, 51):
        opening = b"i=%d; lists.example; " % at
        sets += _one(b"ARC-Authentication-Results", opening, unit, 4 * KB)
        sets += b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=a.example; s=s; h=from; bh=AA==; b=AA==\r\n" % at
        sets += b"ARC-Seal: i=%d; a=rsa-sha256; cv=%b; d=a.example; s=s; b=AA==\r\n" % (
            at,
            b"none" if at == 1 else b"pass",
        )
    return _message(sets)


_BODY_UNITS = {
    "blank lines": b"\r\n",
    "spaces": b" ",
    "blanks of two kinds": b" \t",
    "single blanks": b"a ",
    "spaces and line ends": b" \r\n",
    "bare CR": b"\r",
    "one line": b"x",
    "lines of one letter": b"x\r\n",
    "blank lines now and then": b"\r\n\r\n\r\nx",
}


def _bodies() -> Mapping[str, Callable[[], bytes]]:
    def of(unit: bytes, size: int, end: bytes) -> Callable[[], bytes]:
        return lambda: _message(_tags("from") + _tags("from", relaxed=False), body=_filled(unit, size) + end)

    return {
        f"body: {name}, {size // MB} MB{' and x' if end else ''}": of(unit, size, end)
        for name, unit in _BODY_UNITS.items()
        for size, end in ((1 * MB, b""), (10 * MB, b"x\r\n"))
    }


def _everything() -> bytes:
    message = _sealed(50, "from:x0:x1:x2", _lines_of_fields(40 * KB), domain=_DEAR, key=dear_key())
    for at in range(10):
        message = sign(message, {"h": _HUNDRED, "d": _DEAR, "t": str(at)}, key=dear_key())
    return _one(b"Authentication-Results", b"", b"(a\\)", _RESULTS) + message


def _spf() -> Iterator[str]:
    yield txt("example.com", "v=spf1 ip4:192.0.2.1 -all")
    yield txt("maze.example", "v=spf1 " + " ".join(f"include:i{at}.maze.example" for at in range(9)) + " -all")
    for at in range(9):
        yield txt(
            f"i{at}.maze.example", "v=spf1 " + " ".join(f"ip4:10.{at}.{n % 256}.0/24" for n in range(230)) + " ?all"
        )
    yield txt("mx.example", "v=spf1 " + " ".join(f"mx:m{at}.mx.example" for at in range(9)) + " -all")
    for at in range(9):
        for host in range(10):
            yield f"m{at}.mx.example. IN MX 10 h{host}.m{at}.mx.example.\nh{host}.m{at}.mx.example. IN A 10.0.{at}.{host}\n"
    yield txt("macros.example", "v=spf1 " + " ".join(["exists:" + "%{l1r-}" * 40 + ".a.example"] * 9) + " -all")
    yield txt("ptr.example", "v=spf1 " + "ptr:a.example " * 9 + "-all")
    yield "".join(
        f"1.2.0.192.in-addr.arpa. IN PTR h{at}.a.example.\nh{at}.a.example. IN A 10.0.0.1\n" for at in range(10)
    )
