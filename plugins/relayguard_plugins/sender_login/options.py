"""The options of the sender_login filter."""

from dataclasses import dataclass
from pathlib import Path

from relayguard_plugins.sender_login.claims import Identity
from relayguard_plugins.sender_login.judgement import OnUnknown

# What can neither end nor quote a local part. (RFC 5322 §3.2.3 atext)
_DELIMITERS = frozenset("!#$%&'*+/=?^_`{|}~-.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.sender_login]`` table.

    Who may write as whom stands in `map`, a file as Postfix's smtpd_sender_login_maps has it, or in the SQLite file
    `database`, which is asked `query` for `timeout` seconds at most; an answer holds for `cache_seconds`. If it
    cannot answer, mail is handled as `on_unknown` says. With `own_address` a login that is an address may use it.
    A local part ends at any of the characters in `subaddresses`. `null_sender` allows ``MAIL FROM:<>``, and
    `identities` are what is looked at.
    """

    map: Path | None = None
    database: Path | None = None
    query: str = "SELECT login FROM sender_login WHERE address = ?"
    timeout: float = 2.0
    cache_seconds: float = 10.0
    on_unknown: OnUnknown = "defer"
    own_address: bool = True
    subaddresses: str = "+"
    null_sender: bool = True
    identities: tuple[Identity, ...] = tuple(Identity)

    def __post_init__(self) -> None:
        if self.map is not None and self.database is not None:
            raise ValueError("map and database exclude each other")
        if self.map is None and self.database is None and not self.own_address:
            raise ValueError("nobody could write: name a map or a database, or set own_address = true")
        if not 0 < self.timeout <= 5:
            raise ValueError("timeout must be above 0 and at most 5 seconds: the MTA waits")
        if not 0 <= self.cache_seconds <= 3600:
            raise ValueError("cache_seconds must be 0 to 3600")
        wrong = sorted(set(self.subaddresses) - _DELIMITERS)
        if wrong:
            raise ValueError(f"subaddresses: {wrong[0]!r} cannot stand in a local part")
        if not self.identities:
            raise ValueError("identities must name at least one of " + ", ".join(Identity))
