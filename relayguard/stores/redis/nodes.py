"""The nodes of a Redis cluster, of which one holds the counters; for a server on its own, just that server."""

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from ipaddress import AddressValueError, IPv6Address
from typing import TypeVar

from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.redis.errors import store_error
from relayguard.stores.redis.pool import Command, RedisPool
from relayguard.stores.redis.server import Node, RedisServer

MAX_NAMED = 3
"""So many nodes are kept connections to, besides the one that the URL names."""

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?\Z")

_ASKING: Command = ("ASKING",)

Kind = TypeVar("Kind")


class RedisNodes:
    """Asks the node that the URL names or, once a node has said that another holds the counters, that one.

    The counters share a slot, so one node holds them all. A request follows one redirection and no more; the next one
    begins where that led. After trouble with the node named, the next begins at the URL's; and the other way round, for
    either may be the one that is gone. What a unix socket leads to is never left.

    Like the pools, it belongs to one event loop and sets no deadline.
    """

    def __init__(self, server: RedisServer, greeting: Command) -> None:
        self._server = server
        self._greeting = greeting
        # None is the node that the URL names.
        self._pools: dict[Node | None, RedisPool] = {None: RedisPool(server.connection, greeting)}
        self._next: Node | None = None
        self._holder: Node | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, *commands: Command) -> list[object]:
        """Send commands at once and return their answers, of which some may be a ResponseError. Raises StoreError.

        A node that refers to another has counted nothing, so all of them are sent to that one.
        """
        begun = self._next
        node, answers = await self._ask(commands)
        asked = _first(AskError, answers)
        if asked is None or isinstance(asked, MovedError) or node != begun or not self._server.host:
            return answers
        # The slot is on its way, and this part of it has left. Whoever holds the rest stays the one to ask first.
        asking = [part for command in commands for part in (_ASKING, command)]
        return (await self._ask_one(self._named(asked, node), asking))[1::2]

    async def ask_beside(self, key: bytes, command: Command) -> tuple[Node | None, object]:
        """Ask the node that holds `key` a command that names no key, and would be answered by any.

        Returns that node and its answer. Raises StoreError, too, while the keys are on their way to another.
        """
        # Whether it exists or not, and whatever it is, the right node has an answer to this.
        node, (found, answer) = await self._ask((("MGET", key), command))
        if isinstance(found, ResponseError):
            raise store_error(found)
        return node, answer

    async def close(self) -> None:
        """Close what is idle now, and the others when they are given back."""
        self._closed = True
        await asyncio.gather(*(pool.close() for pool in self._pools.values()), *self._closing)

    async def _ask(self, commands: Sequence[Command]) -> tuple[Node | None, list[object]]:
        node = self._next
        answers = await self._ask_one(node, commands)
        moved = _first(MovedError, answers)
        if moved is None or not self._server.host:
            return node, answers
        self._next = self._holder = node = self._named(moved, node)
        return node, await self._ask_one(node, commands)

    async def _ask_one(self, node: Node | None, commands: Sequence[Command]) -> list[object]:
        try:
            answers = await self._pool(node).ask(*commands)
        except (StoreError, asyncio.CancelledError):
            # Whoever is late is cancelled.
            self._avoid(node)
            raise
        if _first(ClusterDownError, answers):
            # It may be cut off from those who have elected another.
            self._avoid(node)
        return answers

    def _avoid(self, node: Node | None) -> None:
        if self._next == node:
            self._next = self._holder if node is None else None

    def _named(self, error: AskError, by: Node | None) -> Node:
        host, port = error.node_addr
        # A node that does not know its own host leaves it out, and means the one that was asked.
        node = Node(host or (by.host if by else self._server.host), port)
        if not (_is_host(node.host) and 0 < port < 65536):
            raise StoreError(
                Trouble.UNREACHABLE, "what the cluster names as the holder of the counters is no host and port"
            )
        return node

    def _pool(self, node: Node | None) -> RedisPool:
        if node not in self._pools:
            if self._closed:
                # It says so.
                return self._pools[None]
            self._make_room()
            self._pools[node] = RedisPool(partial(self._server.connection, node), self._greeting)
        return self._pools[node]

    def _make_room(self) -> None:
        named = [node for node in self._pools if node is not None and node not in (self._next, self._holder)]
        # Nobody waits for the end of a connection that nobody needs.
        while len(self._pools) > MAX_NAMED and named:
            task = asyncio.create_task(self._pools.pop(named.pop(0)).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _first(kind: type[Kind], answers: Sequence[object]) -> Kind | None:
    return next((answer for answer in answers if isinstance(answer, kind)), None)


def _is_host(host: str) -> bool:
    try:
        return bool(_HOST.match(host) or ("%" not in host and IPv6Address(host)))
    except AddressValueError:
        return False
