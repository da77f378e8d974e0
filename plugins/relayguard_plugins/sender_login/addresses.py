"""Addresses as they are compared: in one spelling, with the entries that may speak for each, the nearest first."""

import re

from relayguard import Address, parse_path, to_a_labels

ANY = "*"
"""The entry that stands for every address."""

MAX_LENGTH = 320
"""RFC 5321 §4.5.3.1: a local part of 64 octets, ``@``, and a domain of 255. No entry is longer."""

# RFC 5322 §3.2.3 dot-atom, RFC 6532: what a subaddress is made of.
_SUBADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\U0010ffff-]*+\Z")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def spelled(local: str, domain: str) -> str:
    """Return an address as it is compared; `local` without quotes, `domain` in A-labels.

    Lower case and no more: folded cases would make one mailbox of strauß and strauss.
    """
    return f"{lowered(local)}@{domain}"


def lowered(text: str) -> str:
    r"""Return text in lower case; what is not ASCII stays so, as the Kelvin sign does, whose small letter is k.

    >>> lowered("BO\u212a") == "bo\u212a"
    True
    """
    if text.isascii():
        return text.lower()
    return "".join(char if char.lower().isascii() and not char.isascii() else char.lower() for char in text)


def spelled_path(address: Address) -> str | None:
    """Return an address of the envelope as it is compared; None for one that has no domain, or a defect."""
    if not address.domain:
        return None
    local = address.local
    # RFC 5321 §4.1.2: the quotes are no part of what they quote, and "b\ob" is bob.
    return spelled(_ESCAPED.sub(r"\1", local[1:-1]) if local.startswith('"') else local, address.domain)


def read_entry(text: str) -> str:
    """Return an entry as it is looked up: an address, ``@domain`` or ``*``; raises ValueError.

    >>> read_entry("@Example.COM")
    '@example.com'
    """
    if text == ANY:
        return ANY
    if text.startswith("@"):
        domain = to_a_labels(text[1:])
        entry = f"@{domain}" if domain is not None else None
    else:
        entry = spelled_path(parse_path(text.encode()))
    if entry is None or len(entry) > MAX_LENGTH:
        raise ValueError(f"{text!r} is no address, no @domain and not *")
    return entry


def without_subaddress(address: str, delimiters: str) -> str:
    """Return the address without what follows the first of `delimiters` in its local part (RFC 5233).

    >>> without_subaddress("bob+news@example.com", "+")
    'bob@example.com'
    """
    local, _, domain = address.rpartition("@")
    end = min((end for end in map(local.find, delimiters) if end >= 0), default=0)
    # What begins with a delimiter has nobody whose subaddress it could be; nor has it for Postfix. And a quoted
    # string may hold another's whole address, which some programs would show.
    return f"{local[:end]}@{domain}" if end and _SUBADDRESS.match(local, end) else address


def entries_for(address: str, delimiters: str) -> tuple[str, ...]:
    """Return the entries that may speak for an address, in Postfix's order: the first that exists decides.

    >>> entries_for("bob+news@example.com", "+")
    ('bob+news@example.com', 'bob@example.com', '@example.com', '*')
    """
    domain = address[address.rindex("@") :]
    entries = dict.fromkeys((address, without_subaddress(address, delimiters), domain, ANY))
    return tuple(entry for entry in entries if len(entry) <= MAX_LENGTH)
