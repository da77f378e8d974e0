"""Writes the Authentication-Results header with authres, which escapes nothing, behind a sanitiser."""

import re
from collections.abc import Iterable

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
# The MTA's interface takes 64 KB; a filter that reports more than this loses what is over.
_MAX_HEADER = 50_000
_LINE = 78
# RFC 2045 §5.1 token, less the characters that some readers take for more than they are.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+\Z")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_WORDS = re.compile(r'(?:"(?:\\.|[^"\\])*"|\((?:\\.|[^()\\])*\)|[^\s"(])+')
_IN_COMMENT = str.maketrans("()\\", "???")


class _SafeValue(QuotableValue):
    """A value of printable ASCII that is quoted whenever it must be: authres quotes nothing that has an ``@``."""

    def quote_if_needed(self) -> str:
        text = str(self)
        local, at, domain = text.rpartition("@")
        is_address = at and (not local or _DOT_ATOM.match(local)) and to_a_labels(domain) == domain
        if is_address or _TOKEN.match(text):
            return text
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def render(authserv_id: str, reported: Iterable[Reported]) -> str:
    r"""Return the header's value, folded with ``\n`` and a tab. Whatever the results hold, it re-parses to just that.

    >>> render("mx.example.com", [Reported("spf", "pass", (("smtp", "mailfrom", "a@example.org"),))])
    'mx.example.com;\n\tspf=pass smtp.mailfrom=a@example.org'
    >>> render("mx.example.com", [])
    'mx.example.com; none'
    """
    results: list[str] = []
    left = _MAX_HEADER
    for entry in reported:
        text = _fold(str(_result(entry)))
        left -= len(text) + 3
        if left < 0:
            break
        results.append(text)
    if not results:
        # RFC 8601 §2.2: "none" alone if nothing ran.
        return f"{authserv_id}; {AuthenticationResultsHeader.NONE_RESULT}"
    return ";\n\t".join([authserv_id, *results])


def _result(entry: Reported) -> AuthenticationResult:
    properties = []
    for ptype, name, value in entry.properties:
        written = AuthenticationResultProperty(ptype, name)
        written.value = _SafeValue(printable(value, _MAX_VALUE))
        properties.append(written)
    comment = printable(entry.comment, _MAX_VALUE).translate(_IN_COMMENT) if entry.comment else None
    result = AuthenticationResult(entry.method, result=entry.value, result_comment=comment, properties=properties)
    if entry.reason:
        result.reason = _SafeValue(printable(entry.reason, _MAX_VALUE))
    return result


def _fold(text: str) -> str:
    lines = [""]
    for word in _WORDS.findall(text):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LINE - 10:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n\t ".join(lines)
