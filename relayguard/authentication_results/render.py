"""Writes the Authentication-Results header with authres, which escapes nothing, behind a sanitiser."""

import re
from collections.abc import Callable, Iterable, Sequence

from authres.core import (
    AuthenticationResult,
    AuthenticationResultProperty,
    AuthenticationResultsHeader,
    QuotableValue,
)

from relayguard.core.domain import to_a_labels
from relayguard.core.results import Reported
from relayguard.core.text import printable

HEADER_NAME = "Authentication-Results"

_MAX_VALUE = 256
# RFC 5322 §2.1.1 allows 998 octets in a line, and a value cannot be folded.
_MAX_OCTETS = 480
# The MTA's interface takes 64 KB; a filter that reports more than this loses what is over.
_MAX_HEADER = 50_000
_LINE = 78
# RFC 2045 §5.1 token, less the characters that some readers take for more than they are.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+\Z")
# RFC 5322 §3.2.3, and RFC 6532 §3.2 beyond ASCII.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
# An entry that is written as it stands: each of its values is a token, or an address of a dot-atom and a domain.
_ATOM_ASCII = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_LABEL = r"(?!-)[a-z0-9_-]{1,63}+(?<!-)"
_PLAIN = re.compile(
    r"[a-z0-9_-]++=[a-z0-9_-]++(?: [a-z0-9_-]++\.[a-z0-9_-]++="
    r"(?:[A-Za-z0-9!#$%&'*+.^_`{|}~-]++(?![^ ])"
    rf"|(?:{_ATOM_ASCII}(?:\.{_ATOM_ASCII})*+)?@{_LABEL}(?:\.{_LABEL})*+(?![^ ])))*+\Z"
)
# RFC 1035 §2.3.4: no domain is longer, and no value in a text of this length needs to be cut.
_MAX_PLAIN = 253
_WORDS = re.compile(r'(?:"(?:\\.|[^"\\])*"|\((?:\\.|[^()\\])*\)|[^\s"(])+')
_IN_COMMENT = str.maketrans("()\\", "???")


_Clean = Callable[[str], str]


class _SafeValue(QuotableValue):
    """A value of printable text that is quoted whenever it must be: authres quotes nothing that has an ``@``."""

    def quote_if_needed(self) -> str:
        text = str(self)
        local, at, domain = text.rpartition("@")
        is_address = at and (not local or _DOT_ATOM.match(local)) and to_a_labels(domain) == domain
        if is_address or _TOKEN.match(text):
            return text
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def render(authserv_id: str, reported: Iterable[Reported], *, comments: bool = True, utf8: bool = False) -> str:
    r"""Return the header's value, folded with ``\n`` and a tab. Whatever the results hold, it re-parses to just that.

    With `utf8` the message is internationalized (RFC 6531), and local parts may be, too. Without `comments` there are none.

    >>> render("mx.example.com", [Reported("spf", "pass", (("smtp", "mailfrom", "a@example.org"),))])
    'mx.example.com;\n\tspf=pass smtp.mailfrom=a@example.org'
    >>> render("mx.example.com", [])
    'mx.example.com; none'
    """
    clean = _internationalized if utf8 else _ascii
    results: list[str] = []
    left = _MAX_HEADER
    for entry in reported:
        words = _plain(entry, comments=comments) or _WORDS.findall(str(_result(entry, clean, comments=comments)))
        text = _fold(words)
        left -= len(text.encode()) + 3
        if left < 0:
            break
        results.append(text)
    if not results:
        # RFC 8601 §2.2: "none" alone if nothing ran.
        return f"{authserv_id}; {AuthenticationResultsHeader.NONE_RESULT}"
    return ";\n\t".join([authserv_id, *results])


def _plain(entry: Reported, *, comments: bool) -> list[str] | None:
    """Return the words of an entry in which nothing needs care, as most do; None if something does."""
    if entry.reason or (comments and entry.comment):
        return None
    words = [f"{entry.method}={entry.value}"]
    words += [f"{ptype}.{name}={value}" for ptype, name, value in entry.properties]
    text = " ".join(words)
    # A space within a value would end it for the pattern, not for us.
    return words if len(text) <= _MAX_PLAIN and text.count(" ") < len(words) and _PLAIN.match(text) else None


def _result(entry: Reported, clean: _Clean, *, comments: bool) -> AuthenticationResult:
    properties = []
    for ptype, name, value in entry.properties:
        written = AuthenticationResultProperty(ptype, name)
        written.value = _SafeValue(clean(value))
        properties.append(written)
    comment = clean(entry.comment).translate(_IN_COMMENT) if comments and entry.comment else None
    result = AuthenticationResult(entry.method, result=entry.value, result_comment=comment, properties=properties)
    if entry.reason:
        result.reason = _SafeValue(clean(entry.reason))
    return result


def _ascii(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if at and not local.isascii():
        # RFC 8601 §2.7.2: beyond an internationalized message such a local part cannot be written, and is left out.
        value = f"@{domain}"
    return printable(value, _MAX_VALUE)


def _internationalized(value: str) -> str:
    if value.isascii():
        return printable(value, _MAX_VALUE)
    # RFC 6532 §3.2 allows all of UTF-8; not what cannot be seen, or turns the direction of reading.
    seen = "".join(char if char.isprintable() else "?" for char in value[:_MAX_VALUE])
    return seen.encode("utf-8", "replace")[:_MAX_OCTETS].decode("utf-8", "ignore")


def _fold(words: Sequence[str]) -> str:
    text = " ".join(words)
    if len(text) <= _LINE - 10:
        return text
    lines: list[str] = []
    line, *rest = words
    for word in rest:
        if len(line) + 1 + len(word) > _LINE - 10:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}"
    return "\n\t ".join([*lines, line])
