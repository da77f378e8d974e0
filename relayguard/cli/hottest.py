"""What ``relayguard top`` shows of the store: the keys that ``relayguard limits top`` would."""

import asyncio

from relayguard.app import build_backend
from relayguard.cli.counters import fullest
from relayguard.config import Config, ConfigError
from relayguard.stores.backend import Entry, StoreError
from relayguard.top.view import Hottest

KEYS = 8


class HottestKeys:
    """Looks into the store of a configuration, each time that it is called, and changes nothing there.

    Never raises: what is in the way is told in place of the keys. So is what is wrong with a configuration, as nobody
    knows then where the daemon counts.
    """

    def __init__(self, read: Config | ConfigError) -> None:
        self._read = read
        self._place = "the store" if isinstance(read, ConfigError) else _place(read)

    @property
    def none_yet(self) -> Hottest:
        """What is to be told before the first call has ended."""
        return Hottest(self._place, trouble="looking for them")

    def __call__(self) -> Hottest:
        """Return the keys that have used most of their limits."""
        try:
            return Hottest(self._place, self._entries())
        except ConfigError as error:
            problems = "; ".join(map(str, error.problems))
            return Hottest(self._place, trouble=f"the configuration has errors: {problems}")
        except (StoreError, OSError) as error:
            return Hottest(self._place, trouble=str(error))

    def _entries(self) -> list[Entry]:
        if isinstance(self._read, ConfigError):
            raise self._read
        if self._read.store.kind == "memory":
            raise OSError("what is counted in the memory of the workers cannot be seen")
        return asyncio.run(_fullest(self._read))


def _place(config: Config) -> str:
    # A URL that is not right yet may hold a password.
    return str(config.store.folder) if config.store.kind == "lmdb" else f"the {config.store.kind} store"


async def _fullest(config: Config) -> list[Entry]:
    backend = build_backend(config)
    try:
        return await fullest(backend, KEYS)
    finally:
        await backend.close()
