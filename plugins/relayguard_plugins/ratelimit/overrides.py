"""Other limits for single keys, from a file that is read anew when it has changed."""

import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from relayguard import Files, Limit, WatchedFile
from relayguard_plugins.ratelimit.amounts import Amount, parse_amount

UNLIMITED = "unlimited"


class Overrides:
    """The limits of the keys that `path` names; None for a key that has no limit at all. Raises ValueError.

    The file is TOML: ``"bob@example.com" = "5,000 recipients per day"``, or ``"unlimited"``.
    """

    def __init__(self, path: Path, name: str, amount: Amount, files: Files) -> None:
        self._file = WatchedFile(path, partial(_read, name=name, amount=amount), files)

    def refresh(self) -> None:
        """Read the file if it has changed; raises ValueError, and keeps what it had."""
        self._file.refresh()

    def get(self, key: str, default: Limit) -> Limit | None:
        """Return the limit of `key`, `default` if it has none of its own."""
        return self._file.value.get(key, default)


def _read(text: str, *, name: str, amount: Amount) -> Mapping[str, Limit | None]:
    return {key.casefold(): _limit(key, value, name, amount) for key, value in tomllib.loads(text).items()}


def _limit(key: str, value: object, name: str, wanted: Amount) -> Limit | None:
    if value == UNLIMITED:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{key!r}: write the key and its limit in quotes")  # noqa: TRY004  # the value of a file
    try:
        amount = parse_amount(value)
    except ValueError as error:
        raise ValueError(f"{key!r}: {error}, or {UNLIMITED!r}") from None
    if amount.counted is not wanted.counted:
        raise ValueError(f"{key!r}: the rule counts {wanted.counted}, not {amount.counted}")
    return amount.limit(name)
