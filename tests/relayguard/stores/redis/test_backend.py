import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from math import isinf
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relayguard.core.limits import Algorithm, Charge, Limit, Standing
from relayguard.stores.backend import Entry, StoreError, Trouble
from relayguard.stores.memory import MemoryBackend
from relayguard.stores.redis.backend import RedisBackend
from relayguard.testing.certificate import write_self_signed
from relayguard.testing.redis import PrivateRedis, redis_program
from tests.relayguard.stores.redis.fake_redis import fake_redis

GENEROUS = 30.0
"""Where a test is about something else than the deadline."""

RATE = Limit("rate", Algorithm.RATE, 100, 86400, burst=100)
WINDOW = Limit("window", Algorithm.WINDOW, 100, 86400)
DISTINCT = Limit("distinct", Algorithm.DISTINCT, 100, 86400)
ALL = (RATE, WINDOW, DISTINCT)

TWICE = Limit("twice", Algorithm.WINDOW, 2, 86400)


@asynccontextmanager
async def backend(
    url: str,
    seconds: float = GENEROUS,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    prefix: str = "relayguard",
) -> AsyncIterator[RedisBackend]:
    opened = RedisBackend(url, password_file, ca_file, prefix, seconds)
    try:
        yield opened
    finally:
        await opened.close()


async def trouble_of(store: RedisBackend, *charges: Charge) -> StoreError:
    with pytest.raises(StoreError) as raised:
        await store.take(charges or [Charge(TWICE, "k")])
    return raised.value


async def eventually(store: RedisBackend, charge: Charge) -> Standing:
    async with asyncio.timeout(GENEROUS):
        while True:
            try:
                return (await store.take([charge]))[0]
            except StoreError:
                await asyncio.sleep(0.02)


def write_password(tmp_path: Path, password: str) -> Path:
    path = tmp_path / "password"
    path.write_text(password + "\n")
    return path


# What it counts


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRedis]:
    if redis_program() is None:
        pytest.skip("no redis-server is installed")
    with PrivateRedis(tmp_path_factory.mktemp("shared")) as running:
        yield running


LIMITS = [
    Limit(name, algorithm, amount, seconds, burst)
    for name in ("one", "two")
    for algorithm, amount, seconds, burst in (
        (Algorithm.RATE, 3, 60.0, 2),
        (Algorithm.RATE, 7, 100.0, 5),
        (Algorithm.WINDOW, 4, 60.0, 0),
        (Algorithm.WINDOW, 9, 90.5, 0),
        (Algorithm.DISTINCT, 2, 60.0, 0),
        (Algorithm.DISTINCT, 4, 90.5, 0),
    )
]
STEPS = (0.0, 0.25, 0.5, 1.0, 7.75, 31.0, 61.5, 200.0, -0.25, -0.75, -1.0, -1.25, -5.5, -61.0, -4000.0)

charges = st.lists(
    st.builds(
        Charge,
        st.sampled_from(LIMITS),
        st.sampled_from("ab"),
        st.integers(0, 6),
        st.sampled_from("mnopq"),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda charge: (charge.limit.name, charge.key),
)


# A clock that is set back takes the members along: they are gone as soon as if it had not been.
PAIR = next(limit for limit in LIMITS if limit.algorithm is Algorithm.DISTINCT)
SET_BACK = [
    (0.0, [Charge(PAIR, "a", member="m")]),
    (0.0, [Charge(PAIR, "a", member="n")]),
    (-4000.0, [Charge(PAIR, "a", member="m")]),
    (61.5, [Charge(PAIR, "a", member="p")]),
    (0.0, [Charge(PAIR, "a", member="q")]),
]


def close(left: float, right: float) -> bool:
    return left == right if isinf(left) else abs(left - right) <= 1e-5


@given(st.lists(st.tuples(st.sampled_from(STEPS), charges), max_size=25))
@example(SET_BACK)
@settings(deadline=None)
def test_it_judges_as_the_memory_does_whatever_comes_and_whatever_the_clock_does(
    shared: PrivateRedis, takes: Sequence[tuple[float, Sequence[Charge]]]
) -> None:
    async def compare() -> None:
        time = 1_700_000_000.0
        shared.run("FLUSHDB")
        memory = MemoryBackend(now=lambda: time)
        redis = RedisBackend(shared.url, timeout=GENEROUS, now=lambda: time)
        for step, taken in takes:
            time += step
            expected, found = await memory.take(taken), await redis.take(taken)
            for left, right in zip(expected, found, strict=True):
                assert (left.admitted, left.left) == (right.admitted, right.left)
                assert close(left.used, right.used)
                assert close(left.retry_after, right.retry_after)
        kept, shown = [sorted([entry async for entry in store.entries()]) for store in (memory, redis)]
        for first, second in zip(kept, shown, strict=True):
            assert first[:2] == second[:2]
            assert close(first.used, second.used)
            assert close(first.expires, second.expires)
        await redis.close()

    asyncio.run(compare())


def hammer(url: str, limit: Limit) -> int:
    async def client(store: RedisBackend, number: int) -> int:
        taken = [await store.take([Charge(limit, "hot", member=f"{os.getpid()} {number} {i}")]) for i in range(10)]
        return sum(standing.admitted for (standing,) in taken)

    async def worker() -> int:
        async with backend(url) as store:
            return sum(await asyncio.gather(*(client(store, number) for number in range(8))))

    return asyncio.run(worker())


def test_several_processes_on_one_key_are_admitted_exactly_as_often_as_the_limit_says(server: PrivateRedis) -> None:
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as processes:
        for limit in ALL:
            admitted = processes.map(hammer, [server.url] * 4, [limit] * 4)
            assert sum(admitted) == 100


def test_it_goes_by_the_clock_of_the_server_and_a_counter_ends_by_itself(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            await store.take([Charge(limit, "k") for limit in ALL])
            entries = [entry async for entry in store.entries()]
        assert sorted(entry.limit for entry in entries) == ["distinct", "rate", "window"]

    asyncio.run(main())
    for limit in ALL:
        left = server.run("PTTL", f"{{relayguard}}:{limit.name}:k")
        assert 0 < int(left[1:]) <= 2 * 86_400_000 + 1000


def test_nothing_is_asked_for_no_charges_and_nothing_connects_before_the_first_take() -> None:
    async def main() -> None:
        async with backend("redis://127.0.0.1:1") as store:
            assert await store.take([]) == []

    asyncio.run(main())


# What people ask of it

HOSTILE = ("", "a b\r\nc", "\0", "{x}:y*?[z]", "ü\udcff\udc80", "%3A:", "{relayguard}:twice:k")


def test_keys_may_hold_any_octets_and_are_shown_and_forgotten_as_they_were_given(server: PrivateRedis) -> None:
    async def main() -> None:
        odd = Limit("o:dd%3A", Algorithm.WINDOW, 2, 60)
        async with backend(server.url) as store:
            for key in HOSTILE:
                await store.take([Charge(TWICE, key), Charge(odd, key, 2)])
            entries = [entry async for entry in store.entries()]
            assert {(entry.limit, entry.key): entry.used for entry in entries} == {
                **{(TWICE.name, key): 0.5 for key in HOSTILE},
                **{(odd.name, key): 1.0 for key in HOSTILE},
            }
            for entry in entries:
                assert await store.forget(entry.limit, entry.key)
                assert not await store.forget(entry.limit, entry.key)
            assert [entry async for entry in store.entries()] == []

    asyncio.run(main())


def test_a_long_key_is_cut_and_the_cut_one_still_names_it(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            for end in "xy":
                await store.take([Charge(TWICE, "k" * 10_000 + end)])
            entries = [entry async for entry in store.entries()]
            assert len(entries) == 2
            assert all(entry.key.startswith("kkkk") and len(entry.key) < 250 for entry in entries)
            assert await store.forget(TWICE.name, entries[0].key)
            assert len([entry async for entry in store.entries()]) == 1

    asyncio.run(main())


def test_thousands_of_counters_are_shown_once_each_and_no_others_among_them(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store, backend(server.url, prefix="other") as other:
            for start in range(0, 3000, 100):
                await store.take([Charge(ALL[i % 3], f"{i}") for i in range(start, start + 100)])
            await other.take([Charge(TWICE, "k")])
            server.run("SET", "{relayguard}", "x")
            server.run("SET", "{relayguard}:odd", "x")
            server.run("SET", "{relayguard}:twice:garbage", "x")
            server.run("RPUSH", "{relayguard}:twice:list", "x")
            entries = [entry async for entry in store.entries()]
            assert sorted(int(entry.key) for entry in entries) == list(range(3000))
            assert [entry[:2] async for entry in other.entries()] == [("twice", "k")]

    asyncio.run(main())


def test_a_counter_that_is_over_is_not_shown(server: PrivateRedis) -> None:
    async def main() -> None:
        clock = [1_700_000_000.0]
        store = RedisBackend(server.url, timeout=GENEROUS, now=lambda: clock[0])
        await store.take([Charge(limit, "k") for limit in ALL])
        clock[0] += 3 * 86400
        assert [entry async for entry in store.entries()] == []
        await store.close()

    asyncio.run(main())


# What may happen to the server


def test_a_killed_server_is_unreachable_and_a_restarted_one_is_found_again(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            await store.take([Charge(TWICE, "k")])
            server.kill()
            for _ in range(3):
                assert (await trouble_of(store)).trouble is Trouble.UNREACHABLE
            server.start()
            (standing,) = await store.take([Charge(TWICE, "k")])
            assert standing.left == 1

    asyncio.run(main())


def test_connections_that_the_server_closed_while_they_were_idle_cost_no_take(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            await asyncio.gather(*(store.take([Charge(RATE, "k")]) for _ in range(40)))
            server.run("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(0.1)
            assert [(await store.take([Charge(RATE, "k")]))[0].admitted for _ in range(40)] == [True] * 40

    asyncio.run(main())


def test_a_hung_server_is_late_and_its_late_answers_meet_nobody(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url, seconds=0.05) as store:
            await eventually(store, Charge(RATE, "k"))
            with server.hung():
                for i in range(5):
                    assert (await trouble_of(store, Charge(RATE, "k"))).trouble is Trouble.TIMEOUT
                    assert (await trouble_of(store, Charge(DISTINCT, f"{i}"))).trouble is Trouble.TIMEOUT
            assert (await eventually(store, Charge(TWICE, "other"))) == Standing(admitted=True, used=0.5, left=1)

    asyncio.run(main())


def test_a_take_that_is_given_up_leaves_its_answer_to_nobody(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            await store.take([Charge(RATE, "k")])
            with server.hung():
                given_up = [asyncio.create_task(store.take([Charge(RATE, "k")])) for _ in range(20)]
                await asyncio.sleep(0.05)
                for task in given_up:
                    task.cancel()
                assert {type(end) for end in await asyncio.gather(*given_up, return_exceptions=True)} == {
                    asyncio.CancelledError
                }
            for expected in (1, 0):
                (standing,) = await store.take([Charge(TWICE, "other")])
                assert standing.left == expected

    asyncio.run(main())


def test_scripts_may_be_flushed_at_any_time(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            for left in (1, 0):
                (standing,) = await store.take([Charge(TWICE, "k")])
                assert standing.left == left
                server.run("SCRIPT", "FLUSH")

    asyncio.run(main())


@pytest.mark.parametrize("limit", ALL, ids=lambda limit: limit.name)
def test_a_server_without_room_is_full_and_counts_nothing_of_a_take(server: PrivateRedis, limit: Limit) -> None:
    async def main() -> None:
        async with backend(server.url) as store:
            await store.take([Charge(limit, "known", member="a")])
            server.run("CONFIG", "SET", "maxmemory", "1")
            for key in ("known", "new"):
                error = await trouble_of(store, Charge(limit, key, member="b"), Charge(TWICE, key))
                assert (error.trouble, "script" in str(error)) == (Trouble.FULL, False)
            server.run("CONFIG", "SET", "maxmemory", "0")
            assert [(entry.key, round(entry.used, 4)) async for entry in store.entries()] == [("known", 0.01)]

    asyncio.run(main())


def test_a_replica_that_cannot_be_written_to_is_broken(server: PrivateRedis) -> None:
    async def main() -> None:
        server.run("REPLICAOF", "127.0.0.1", "1")
        async with backend(server.url) as store:
            assert (await trouble_of(store)).trouble is Trouble.BROKEN

    asyncio.run(main())


# A string where a sorted set is expected, or the other way round, is what another algorithm has left.
SPOILINGS = [
    *(
        (limit, ("SET", text))
        for limit in (RATE, WINDOW)
        for text in ("garbage", "", "rate 1 2", "window 1 2 3 x 5 6")
    ),
    *((limit, ("RPUSH", "element")) for limit in ALL),
    (DISTINCT, ("ZADD", "1", "member")),
]


@pytest.mark.parametrize(("limit", "spoiling"), SPOILINGS, ids=str)
def test_what_is_no_counter_is_named_and_nothing_is_counted_until_it_is_forgotten(
    server: PrivateRedis, limit: Limit, spoiling: tuple[str, ...]
) -> None:
    async def main() -> None:
        server.run(spoiling[0], f"{{relayguard}}:{limit.name}:k\xff", *spoiling[1:])
        async with backend(server.url) as store:
            error = await trouble_of(store, Charge(TWICE, "k"), Charge(limit, "k\xff"))
            assert error.trouble is Trouble.BROKEN
            assert f"{limit.name}:k" in str(error)
            assert await store.forget(limit.name, "k\xff")
            assert (await store.take([Charge(TWICE, "k"), Charge(limit, "k\xff")]))[0].left == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", Trouble.UNREACHABLE),
        (b"-BUSY Redis is busy running a script\r\n", Trouble.TIMEOUT),
        (b"-MISCONF Redis is configured to save RDB snapshots, but cannot\r\n", Trouble.FULL),
        (b"-ERR Error running script: @user_script:1: -OOM command not allowed\r\n", Trouble.FULL),
        (b"-MOVED 1 127.0.0.1:1\r\n", Trouble.UNREACHABLE),
        (b"-MOVED\r\n", Trouble.BROKEN),
        (b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", Trouble.UNREACHABLE),
        (b"-NOSCRIPT No matching script.\r\n", Trouble.BROKEN),
        (b"-\xff\xfe\r\n", Trouble.BROKEN),
        (b"$1\r\n1\r\n", Trouble.BROKEN),
        (b"$9\r\n1 2 x 4.5\r\n", Trouble.BROKEN),
        (b":1\r\n", Trouble.BROKEN),
        (b"$-1\r\n", Trouble.BROKEN),
        (b"*1\r\n:1\r\n", Trouble.BROKEN),
        (b"HTTP/1.1 400 Bad Request\r\n", Trouble.BROKEN),
    ],
)
def test_whatever_a_server_says_instead_becomes_a_store_error(answer: bytes, trouble: Trouble) -> None:
    async def main() -> None:
        def said(name: bytes) -> bytes:
            return b"+OK\r\n" if name == b"SCRIPT" else answer

        async with fake_redis(said) as url, backend(url) as store:
            assert (await trouble_of(store)).trouble is trouble
            for asked in (store.forget("a", "b"), anext(aiter(store.entries()))):
                try:
                    await asked
                except StoreError:
                    continue

    asyncio.run(main())


# Who is let in


def test_tls_trusts_the_given_authority_alone_and_checks_the_name(tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    write_self_signed("localhost", other, tmp_path / "other.key")

    async def main(server: PrivateRedis) -> None:
        async with backend(server.url, ca_file=server.certificate) as store:
            assert (await store.take([Charge(TWICE, "k")]))[0].left == 1
        by_address = server.url.replace("localhost", "127.0.0.1")
        for url, trusted in ((server.url, other), (server.url, None), (by_address, server.certificate)):
            async with backend(url, ca_file=trusted) as store:
                error = await trouble_of(store)
                assert error.trouble is Trouble.UNREACHABLE
                assert "certificate" in str(error).lower()
        async with backend(server.url, ca_file=tmp_path / "missing.crt") as store:
            assert "CA file" in str(await trouble_of(store))

    with PrivateRedis(tmp_path / "server", tls=True) as server:
        asyncio.run(main(server))


def test_a_password_is_read_when_a_connection_is_made_and_never_told(tmp_path: Path) -> None:
    async def main(server: PrivateRedis) -> None:
        file = write_password(tmp_path, "first secret")
        async with backend(server.unix_url, password_file=file) as store:
            assert (await store.take([Charge(TWICE, "k")]))[0].left == 1
            server.run("CONFIG", "SET", "requirepass", "second secret")
            server.password = "second secret"
            server.run("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(0.1)
            error = await trouble_of(store)
            assert error.trouble is Trouble.UNREACHABLE
            assert "secret" not in str(error)
            write_password(tmp_path, "second secret")
            assert (await store.take([Charge(TWICE, "k")]))[0].left == 0
        server.run("ACL", "SETUSER", "mail", "on", ">second secret", "~*", "+@all")
        async with backend(server.url.replace("//", "//mail@"), password_file=file) as store:
            assert not (await store.take([Charge(TWICE, "k")]))[0].admitted
        for missing in (None, tmp_path / "missing"):
            async with backend(server.url, password_file=missing) as store:
                assert (await trouble_of(store)).trouble is Trouble.UNREACHABLE

    with PrivateRedis(tmp_path / "server", password="first secret") as server:
        asyncio.run(main(server))


@pytest.mark.parametrize(
    "said",
    [
        b"-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n",
        b"-WRONGPASS secret\r\n",
        b"-secret\r\n",
        b"+secret\r\n",
        b"*1\r\n-LOADING secret\r\n",
        b"-MOVED secret 127.0.0.1:7000\r\n",
    ],
)
def test_a_server_that_repeats_the_password_is_not_quoted(tmp_path: Path, said: bytes) -> None:
    async def main() -> None:
        file = write_password(tmp_path, "secret")
        async with fake_redis(lambda _: said) as url, backend(url, password_file=file) as store:
            error = await trouble_of(store)
            assert "secret" not in str(error)

    asyncio.run(main())


def test_a_unix_socket_and_a_database_may_be_named(server: PrivateRedis) -> None:
    async def main() -> None:
        async with backend(f"{server.unix_url}?db=3") as third, backend(f"{server.url}/3") as same:
            await third.take([Charge(TWICE, "k")])
            assert (await same.take([Charge(TWICE, "k")]))[0].left == 0
        async with backend(server.unix_url) as zeroth:
            entries: list[Entry] = [entry async for entry in zeroth.entries()]
            assert entries == []

    asyncio.run(main())
