"""Refuse senders that a SQLite table lists: a filter that waits for a disk, and so runs in threads."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from relayguard import Effect, Envelope, Reject, hookimpl


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``[filter.blocklist]`` table. The database has a table ``senders`` with a column ``address``."""

    database: str = "/var/lib/relayguard/blocklist.sqlite"


class Blocklist:
    """Looks each sender up; whoever keeps the list may write to it meanwhile."""

    blocking = True

    def __init__(self, options: Options) -> None:
        self.options = options

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        """A connection for each call: hooks run in several threads, which must not share one."""
        with closing(sqlite3.connect(self.options.database)) as database:
            if database.execute("SELECT 1 FROM senders WHERE address = ?", (str(envelope.sender),)).fetchone():
                yield Reject(text=f"{envelope.sender} is listed")
