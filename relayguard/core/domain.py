"""Domain names as DNS and RFC 8616 want them: lower case, in A-labels.

`idna` is the only package beyond the standard library that core imports: the library's own codec is
IDNA 2003, and domains are compared everywhere.
"""

import re

import idna

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_MAX_LENGTH = 253
# A name as almost all are, in one match: plain labels.
_PLAIN = re.compile(r"(?:(?!-)[A-Za-z0-9_-]{1,63}+(?<!-)\.)*+(?!-)[A-Za-z0-9_-]{1,63}+(?<!-)\Z")


def to_a_labels(name: str) -> str | None:
    """Return `name` in lower case and A-labels, without a trailing dot; None if it is no domain name.

    Underscores are allowed, as in ``_dmarc.example.com``. A single label is a domain name here.

    >>> to_a_labels("MÜNCHEN.example.")
    'xn--mnchen-3ya.example'
    >>> to_a_labels("a..b") is None
    True
    """
    if len(name) <= _MAX_LENGTH and _PLAIN.match(name):
        return name.lower()
    return _to_a_labels(name.removesuffix("."))


def _to_a_labels(name: str) -> str | None:
    # RFC 1035 §2.3.4; and idna's work must be bounded before it starts.
    if not name or len(name) > _MAX_LENGTH:
        return None
    if not name.isascii():
        try:
            # Label by label: idna itself refuses the underscore of a plain label beside an IDN one.
            labels = idna.uts46_remap(name, std3_rules=False).split(".")
            name = ".".join(label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels)
        except (idna.IDNAError, UnicodeError):
            return None
    name = name.lower()
    if len(name) > _MAX_LENGTH or not all(_LABEL.match(label) for label in name.split(".")):
        return None
    return name


def lies_under(name: str, parent: str) -> bool:
    """Tell whether `name` equals `parent` or is one of its subdomains (both in A-labels)."""
    return name == parent or name.endswith("." + parent)
