"""Counters on a Redis or Valkey server, which all hosts share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha1
from importlib.resources import files
from pathlib import Path

from redis.exceptions import NoScriptError, ResponseError

from relayguard.core.limits import Charge, Standing
from relayguard.stores.arithmetic import State, expires, is_over, used
from relayguard.stores.backend import Entry, StoreError, Trouble
from relayguard.stores.redis.codec import (
    KeyNames,
    charge_words,
    distinct_of,
    scanned,
    seconds_of,
    senseless,
    standings,
    state_of,
)
from relayguard.stores.redis.errors import store_error
from relayguard.stores.redis.nodes import RedisNodes
from relayguard.stores.redis.pool import Command
from relayguard.stores.redis.server import Node, RedisServer

_SCANNED = 500
_PATIENCE = 5.0
"""What people ask for may take as many seconds, for each few hundred counters."""


class RedisBackend:
    """A `Backend` on the server of `url` (see `RedisServer`, which raises ValueError for a wrong one).

    A take is one call of a script, by the server's clock. It is answered within `timeout` seconds, connecting and
    waiting for a connection included, or raises StoreError. It is never tried again: it may have been counted.

    Nothing connects before the first request. It belongs to the event loop, and to the process, of that request. For
    tests, `now` takes the place of the server's clock.
    """

    name = "redis"

    def __init__(
        self,
        url: str,
        password_file: Path | None = None,
        ca_file: Path | None = None,
        prefix: str = "relayguard",
        timeout: float = 0.05,
        *,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._names = KeyNames(prefix)
        self._timeout = timeout
        self._now = now
        script = files(__package__).joinpath("script.lua").read_bytes()
        # This is how the protocol names a script; it protects nothing.
        self._script = sha1(script, usedforsecurity=False).hexdigest()
        self._load: Command = ("SCRIPT", "LOAD", script)
        self._nodes = RedisNodes(RedisServer(url, password_file, ca_file), self._load)

    async def take(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Backend`."""
        return await self._judge(charges, "take")

    async def look(self, charges: Sequence[Charge]) -> Sequence[Standing]:
        """See `Backend`."""
        return await self._judge(charges, "look")

    async def _judge(self, charges: Sequence[Charge], purpose: str) -> Sequence[Standing]:
        if not charges:
            return []
        call: Command = (
            "EVALSHA",
            self._script,
            len(charges),
            *[self._names.name(charge.limit.name, charge.key) for charge in charges],
            "" if self._now is None else repr(self._now()),
            purpose,
            *map(charge_words, charges),
        )
        try:
            async with asyncio.timeout(self._timeout):
                (answer,) = await self._nodes.ask(call)
                if isinstance(answer, NoScriptError):
                    # Somebody has flushed the scripts, or another server has taken over.
                    _, answer = await self._nodes.ask(self._load, call)
        except TimeoutError:
            raise _late(self._timeout) from None
        return standings(_unless_refused(answer), len(charges))

    async def entries(self) -> AsyncIterator[Entry]:
        """See `Backend`. A counter that changes meanwhile may be missed."""
        held_by, time = await self._ask_beside(self._timeout, ("TIME",))
        now = self._now() if self._now else seconds_of(time)
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            scan = ("SCAN", cursor, "MATCH", self._names.pattern, "COUNT", _SCANNED)
            node, answer = await self._ask_beside(_PATIENCE, scan)
            if node != held_by:
                # The counters have moved, and the cursor of one node means nothing to another.
                held_by, cursor = node, b"0"
                continue
            cursor, names = scanned(answer)
            # A server that makes room for more counters may show one twice.
            names = [name for name in dict.fromkeys(names) if name not in found]
            found.update(names)
            for name, state in zip(names, await self._states(names), strict=True):
                shown = self._names.shown(name)
                if shown and state and not is_over(state, now):
                    yield Entry(*shown, used(state, now), expires(state))
            if cursor == b"0":
                return

    async def forget(self, limit: str, key: str) -> bool:
        """See `Backend`. A long key may be given as `entries` shows it."""
        (answer,) = await self._ask(self._timeout, ("DEL", self._names.name(limit, key)))
        return _unless_refused(answer) == 1

    async def keep(self) -> None:
        """See `Backend`: the server itself forgets what has ended."""

    async def close(self) -> None:
        """See `Backend`."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._nodes.close()
        except TimeoutError:
            raise _late(self._timeout) from None

    async def _states(self, names: Sequence[bytes]) -> list[State | None]:
        if not names:
            return []
        (texts,) = await self._ask(_PATIENCE, ("MGET", *names))
        _unless_refused(texts)
        if not isinstance(texts, list) or len(texts) != len(names):
            raise senseless()
        # What is no string is a sorted set, or gone, or none of ours.
        sets = [name for name, text in zip(names, texts, strict=True) if text is None]
        members = (
            await self._ask(_PATIENCE, *(("ZRANGE", name, 0, -1, "WITHSCORES") for name in sets)) if sets else []
        )
        distinct = dict(zip(sets, members, strict=True))
        return [
            state_of(text) if isinstance(text, bytes) else distinct_of(distinct[name])
            for name, text in zip(names, texts, strict=True)
        ]

    async def _ask_beside(self, seconds: float, command: Command) -> tuple[Node | None, object]:
        try:
            async with asyncio.timeout(seconds):
                node, answer = await self._nodes.ask_beside(self._names.name("", ""), command)
        except TimeoutError:
            raise _late(seconds) from None
        return node, _unless_refused(answer)

    async def _ask(self, seconds: float, *commands: Command) -> list[object]:
        try:
            async with asyncio.timeout(seconds):
                return await self._nodes.ask(*commands)
        except TimeoutError:
            raise _late(seconds) from None


def _unless_refused(answer: object) -> object:
    if isinstance(answer, ResponseError):
        raise store_error(answer)
    return answer


def _late(seconds: float) -> StoreError:
    return StoreError(Trouble.TIMEOUT, f"no answer within {seconds:g} s")
