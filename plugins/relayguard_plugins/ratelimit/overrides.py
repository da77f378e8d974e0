"""Other limits for single keys, from a file that is read anew when it has changed."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from relayguard import Limit
from relayguard_plugins.ratelimit.amounts import Amount, parse_amount

UNLIMITED = "unlimited"


class Overrides:
    """The limits of the keys that `path` names; None for a key that has no limit at all.

    The file is TOML: ``"bob@example.com" = "5,000 recipients per day"``, or ``"unlimited"``.
    """

    def __init__(self, path: Path, name: str, amount: Amount) -> None:
        self._path = path
        self._name = name
        self._amount = amount
        self._stamp: object = None
        self._limits: Mapping[str, Limit | None] = {}

    def refresh(self) -> None:
        """Read the file if it has changed; raises ValueError, once for each state of the file, and keeps what it had."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            # Swapped whole: who looks up meanwhile sees all of the old or all of the new.
            self._limits = self._read()

    def get(self, key: str, default: Limit) -> Limit | None:
        """Return the limit of `key`, `default` if it has none of its own."""
        return self._limits.get(key, default)

    def _read(self) -> dict[str, Limit | None]:
        try:
            table = tomllib.loads(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{self._path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ValueError(f"{self._path}: {error}") from error
        return {key.casefold(): self._limit(key, value) for key, value in table.items()}

    def _limit(self, key: str, value: object) -> Limit | None:
        if value == UNLIMITED:
            return None
        try:
            amount = parse_amount(str(value))
        except ValueError as error:
            raise ValueError(f"{self._path}: {key!r}: {error}, or {UNLIMITED!r}") from None
        if amount.counted is not self._amount.counted:
            raise ValueError(f"{self._path}: {key!r}: the rule counts {self._amount.counted}, not {amount.counted}")
        return amount.limit(self._name)


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino
