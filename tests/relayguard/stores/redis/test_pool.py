import asyncio
import random

import pytest
from redis.exceptions import ResponseError

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.redis.pool import MAX_CONNECTIONS, RedisPool
from relayguard.stores.redis.server import RedisServer
from relayguard.testing.redis import PrivateRedis
from tests.relayguard.stores.redis.fake_redis import fake_redis

PING = ("PING",)


def pool_for(url: str) -> RedisPool:
    return RedisPool(RedisServer(url).connection, ("ECHO", "hello"))


def test_all_have_their_turn_over_a_few_connections(server: PrivateRedis) -> None:
    async def main() -> None:
        pool = pool_for(server.url)
        answers = await asyncio.gather(*(pool.ask(("ECHO", f"{number}")) for number in range(300)))
        assert answers == [[b"%d" % number] for number in range(300)]
        clients = server.run("CLIENT", "LIST").count(b" addr=127.0.0.1:")
        assert 1 < clients <= MAX_CONNECTIONS
        await pool.close()

    asyncio.run(main())


def test_an_error_among_several_answers_leaves_none_of_them_unread(server: PrivateRedis) -> None:
    async def main() -> None:
        pool = pool_for(server.url)
        first, second, third = await pool.ask(PING, ("NOSUCH",), PING)
        assert (first, third) == (b"PONG", b"PONG")
        assert isinstance(second, ResponseError)
        assert await pool.ask(("ECHO", "next")) == [b"next"]
        await pool.close()

    asyncio.run(main())


def test_a_server_that_has_become_a_replica_is_asked_over_no_old_connection(server: PrivateRedis) -> None:
    async def main() -> None:
        pool = pool_for(server.url)
        await asyncio.gather(*(pool.ask(PING) for _ in range(3)))
        server.run("REPLICAOF", "127.0.0.1", "1")
        (answer,) = await pool.ask(("SET", "a", "b"))
        assert isinstance(answer, ResponseError)
        assert pool._idle == []
        server.run("REPLICAOF", "NO", "ONE")
        assert await pool.ask(("SET", "a", "b")) == [b"OK"]
        assert pool._places + len(pool._idle) + len(pool._opening) == MAX_CONNECTIONS
        await pool.close()

    asyncio.run(main())


def test_whoever_gives_up_at_any_moment_takes_no_connection_away_and_leaves_no_answer(server: PrivateRedis) -> None:
    chance = random.Random(6)

    async def main() -> None:
        pool = pool_for(server.url)

        async def asker(number: int) -> None:
            try:
                async with asyncio.timeout(chance.choice((0, 0.001, 0.003, 30))):
                    assert await pool.ask(("ECHO", f"{number}")) == [b"%d" % number]
            except TimeoutError:
                pass

        for start in range(0, 2000, 100):
            await asyncio.gather(*(asker(number) for number in range(start, start + 100)))
        await asyncio.gather(*pool._opening)
        await asyncio.gather(*(pool.ask(PING) for _ in range(100)))
        assert pool._places + len(pool._idle) + len(pool._opening) == MAX_CONNECTIONS
        await pool.close()

    asyncio.run(main())


def test_a_server_that_is_slow_to_let_in_is_ready_for_whoever_comes_later() -> None:
    async def main() -> None:
        asked: list[bytes] = []

        def answer(name: bytes) -> bytes:
            asked.append(name)
            return b"+OK\r\n"

        async with fake_redis(answer, delay=0.1) as url:
            pool = pool_for(url)
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await pool.ask(PING)
            assert await pool.ask(PING) == [b"OK"]
            assert asked == [b"ECHO", b"PING"]
            await pool.close()

    asyncio.run(main())


def test_whoever_waits_when_it_is_closed_is_told(server: PrivateRedis) -> None:
    async def main() -> None:
        pool = pool_for(server.url)
        await pool.ask(PING)
        with server.hung():
            waiting = [asyncio.create_task(pool.ask(PING)) for _ in range(40)]
            await asyncio.sleep(0.05)
            await pool.close()
        told = [end for end in await asyncio.gather(*waiting, return_exceptions=True) if isinstance(end, Exception)]
        assert len(told) >= 40 - MAX_CONNECTIONS
        assert {error.trouble for error in told if isinstance(error, StoreError)} == {Trouble.UNREACHABLE}
        with pytest.raises(StoreError):
            await pool.ask(PING)

    asyncio.run(main())


def test_a_greeting_that_is_refused_is_told_to_whoever_waits() -> None:
    async def main() -> None:
        async with fake_redis(lambda _: b"-NOPERM this user may not\r\n") as url:
            pool = pool_for(url)
            for _ in range(2 * MAX_CONNECTIONS):
                with pytest.raises(StoreError, match="may not"):
                    await pool.ask(PING)
            await pool.close()

    asyncio.run(main())
