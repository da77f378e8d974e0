"""One milter connection as a transport with threads sees it: what was collected, and handed over to the loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future

from relayguard.core.verdicts import Defer, Reject
from relayguard.milter.fields import Fields
from relayguard.pipeline.connection import Connection


class Link:
    """One milter connection: what was collected, and what was negotiated.

    `begun` says that the MTA has an envelope in progress, whether the filters know of it yet or not.
    `touched` is when the MTA last had something to say that could not wait.
    `failed` says that the envelope in progress is lost, but no reply was due yet in which to say so.
    """

    __slots__ = (
        "_lock",
        "begun",
        "connection",
        "failed",
        "fields",
        "negotiated",
        "running",
        "seen",
        "touched",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, connection: Connection, fields: Fields, negotiated: int) -> None:
        self._lock = asyncio.Lock()
        self.connection = connection
        self.negotiated = negotiated
        self.fields = fields
        self.waiting: list[Callable[[], Awaitable[object]]] = []
        self.waiting_bytes = 0
        self.running: Future[object] | None = None
        self.begun = False
        self.touched = time.monotonic()
        self.seen = False
        self.failed = False

    async def run(self, waiting: Iterable[Callable[[], Awaitable[object]]]) -> object:
        """Run calls in order, never beside earlier ones; return the first refusal, or what the last returned."""
        refusal: object = None
        result: object = None
        async with self._lock:
            for call in waiting:
                result = await call()
                if refusal is None and isinstance(result, Reject | Defer):
                    refusal = result
        return refusal or result
