"""A SQLite database of who may write as whom: opened to be read, asked for a bounded time, remembered for a short one."""

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock

from relayguard_plugins.sender_login.owners import Unknown, read_logins

MAX_REMEMBERED = 10_000
MAX_ROWS = 1000
"""An address with more logins than these is a query gone wrong."""

# SQLite asks so often, in its own instructions, whether it is to go on: well below a millisecond apart.
_INSTRUCTIONS = 10_000
# These may pass; whatever else SQLite says at the start, it will say for ever.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
}


class Database:
    """Asks `query`, with an entry for its one parameter, and takes the first column of each row as logins.

    For any thread. `seconds` is how long a query may take, `remembered` for how long its answer holds.
    """

    def __init__(
        self,
        path: Path,
        query: str,
        *,
        seconds: float,
        remembered: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=ro"
        self._path = path
        self._query = query
        self._seconds = seconds
        self._remembered = remembered
        self._now = now
        self._lock = Lock()
        self._answers: OrderedDict[str, tuple[float, frozenset[str] | None]] = OrderedDict()

    def check(self) -> None:
        """Raise ValueError for a query that can never be answered; a database that is not there may come yet."""
        try:
            self._ask("")
        except sqlite3.Error as error:
            # The upper bits say more than which error it is.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _PASSING:
                raise ValueError(f"{self._path}: {error}") from error

    def logins(self, entry: str) -> frozenset[str] | None:
        """See `Owners`."""
        now = self._now()
        with self._lock:
            expires, logins = self._answers.get(entry, (now, None))
        if expires > now:
            return logins
        try:
            logins = self._ask(entry)
        except sqlite3.Error as error:
            raise Unknown(f"{self._path}: {error}") from error
        with self._lock:
            self._answers[entry] = (self._now() + self._remembered, logins)
            self._answers.move_to_end(entry)
            if len(self._answers) > MAX_REMEMBERED:
                self._answers.popitem(last=False)
        return logins

    def _ask(self, entry: str) -> frozenset[str] | None:
        end = time.monotonic() + self._seconds
        # A connection for each question: threads must not share one, and a file put in place of another is seen.
        with closing(sqlite3.connect(self._uri, self._seconds, uri=True)) as database:
            database.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
            rows = database.execute(self._query, (entry,)).fetchmany(MAX_ROWS + 1)
        if len(rows) > MAX_ROWS:
            raise sqlite3.DataError(f"more than {MAX_ROWS} rows for {entry}")
        try:
            logins = read_logins(",".join(_text_of(row[0]) for row in rows if row[0] is not None))
        except UnicodeDecodeError as error:
            raise sqlite3.DataError(f"a login for {entry} is not UTF-8") from error
        return logins if rows else None


def _text_of(value: object) -> str:
    # What some programs write is a BLOB in a column of text.
    return value.decode() if isinstance(value, bytes) else str(value)
