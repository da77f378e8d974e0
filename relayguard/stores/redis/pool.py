"""A few connections to a Redis server, each for one request at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import InvalidResponse, MasterDownError, ReadOnlyError, RedisError, ResponseError

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.redis.errors import store_error

MAX_CONNECTIONS = 16

_OPENING_SECONDS = 5.0
"""For TCP, TLS and logging in. More than anybody waits for it: whoever comes next will find it open."""

_DEMOTED = (ReadOnlyError, MasterDownError)

Command = tuple[str | int | bytes, ...]


class RedisPool:
    """Keeps connections that `make` gives; `greeting` is sent over each before anything else.

    It belongs to one event loop. It sets no deadline: whoever is cancelled while waiting has its connection closed,
    so that the late answer meets nobody.
    """

    def __init__(self, make: Callable[[], AbstractConnection], greeting: Command) -> None:
        self._make = make
        self._greeting = greeting
        self._idle: list[AbstractConnection] = []
        self._places = MAX_CONNECTIONS
        self._waiting: deque[asyncio.Future[AbstractConnection]] = deque()
        self._opening: set[asyncio.Task[AbstractConnection]] = set()
        self._closed = False

    async def ask(self, *commands: Command) -> list[object]:
        """Send commands at once and return their answers, of which some may be a ResponseError. Raises StoreError."""
        connection = await self._acquire()
        try:
            answers = await _exchange(connection, commands)
        except (RedisError, OSError) as error:
            raise store_error(error) from None
        else:
            if any(isinstance(answer, _DEMOTED) for answer in answers):
                # Another server has taken over: the name in the URL may lead there by now.
                await connection.disconnect(nowait=True)
                await self._let_idle_go()
            return answers
        finally:
            await self._release(connection)

    async def close(self) -> None:
        """Close what is idle now, and the others when they are given back."""
        self._closed = True
        while waiter := self._next_waiter():
            waiter.set_exception(_closed())
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        await self._let_idle_go()

    async def _let_idle_go(self) -> None:
        idle, self._idle = self._idle, []
        self._places += len(idle)
        await asyncio.gather(*(connection.disconnect(nowait=True) for connection in idle))

    async def _acquire(self) -> AbstractConnection:
        if self._closed:
            raise _closed()
        while self._idle:
            # The one used last is the least likely to have been closed for its idleness.
            connection = self._idle.pop()
            if await _is_usable(connection):
                return connection
            self._places += 1
        waiter: asyncio.Future[AbstractConnection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._open()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None:
                await self._release(waiter.result())
            raise

    async def _release(self, connection: AbstractConnection) -> None:
        if self._closed:
            await connection.disconnect(nowait=True)
        if not connection.is_connected:
            self._places += 1
            self._open()
        elif waiter := self._next_waiter():
            waiter.set_result(connection)
        else:
            self._idle.append(connection)

    def _next_waiter(self) -> "asyncio.Future[AbstractConnection] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _open(self) -> None:
        """Open as many connections as are waited for, while there are places."""
        while self._places and len(self._opening) < len(self._waiting) and not self._closed:
            self._places -= 1
            task = asyncio.create_task(self._open_one())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open_one(self) -> AbstractConnection:
        connection = self._make()
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                (answer,) = await _exchange(connection, [self._greeting])
        except (RedisError, OSError) as error:
            raise store_error(error, logging_in=True) from None
        if isinstance(answer, ResponseError):
            await connection.disconnect(nowait=True)
            raise store_error(answer)
        return connection

    def _opened(self, task: asyncio.Task[AbstractConnection]) -> None:
        self._opening.discard(task)
        waiter = self._next_waiter()
        error = _closed() if task.cancelled() else task.exception()
        if error is None and waiter is None:
            self._idle.append(task.result())
        elif waiter is not None and error is None:
            waiter.set_result(task.result())
        else:
            self._places += 1
            if waiter is not None and error is not None:
                waiter.set_exception(error)
            self._open()


def _closed() -> StoreError:
    return StoreError(Trouble.UNREACHABLE, "the store is closed")


async def _exchange(connection: AbstractConnection, commands: Sequence[Command]) -> list[object]:
    try:
        # The library's own packing takes six times as long.
        packed = b"".join(pack_command(command) for command in commands)  # type: ignore[arg-type]  # of any length
        await connection.send_packed_command(packed, check_health=False)
        return [await _answer(connection) for _ in commands]
    except BaseException as error:
        # What comes over it now answers nobody's question.
        await connection.disconnect(nowait=True)
        if isinstance(error, ValueError):
            # The library reads some errors, such as MOVED, more closely than they were written, and quotes them.
            raise InvalidResponse("the server answers with an error that cannot be read") from None
        raise


async def _answer(connection: AbstractConnection) -> object:
    try:
        answer: object = await connection.read_response()
    except ResponseError as error:
        # It is an answer, too: those behind it must be read before anything else.
        return error
    return answer


async def _is_usable(connection: AbstractConnection) -> bool:
    try:
        if not await connection.can_read():
            return True
    except (RedisError, OSError):
        return False
    # The server has closed it, or says what nobody has asked for.
    await connection.disconnect(nowait=True)
    return False
