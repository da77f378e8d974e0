"""What says which logins an entry belongs to; a file or a database may be asked."""

import re
from typing import Protocol

from relayguard_plugins.sender_login.addresses import lowered

_BETWEEN = re.compile(r"[,\s]+", re.ASCII)


class Unknown(Exception):
    """It cannot be told now; the message says why."""


class Owners(Protocol):
    """Who owns which address."""

    def logins(self, entry: str) -> frozenset[str] | None:
        """Return the logins that may use what `entry` stands for, None if there is no such entry; raises Unknown."""


class Nobody:
    """No entry at all."""

    def logins(self, entry: str) -> frozenset[str] | None:
        """See `Owners`."""
        return None


def read_logins(text: str) -> frozenset[str]:
    """Return the logins of a list such as ``alice, bob``; Postfix, too, takes them in any case.

    >>> sorted(read_logins("Alice, bob carol"))
    ['alice', 'bob', 'carol']
    """
    return frozenset(lowered(login) for login in _BETWEEN.split(text) if login)
