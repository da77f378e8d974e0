import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import MovedError

from relayguard.core.limits import Algorithm, Charge, Limit, Standing
from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.redis.backend import RedisBackend
from relayguard.stores.redis.nodes import MAX_NAMED, RedisNodes
from relayguard.stores.redis.server import Node, RedisServer
from relayguard.testing.redis import PrivateRedis
from tests.relayguard.stores.redis.cluster import Cluster, cluster, tls_cluster
from tests.relayguard.stores.redis.fake_redis import fake_redis

GENEROUS = 30.0
"""Where a test is about something else than the deadline."""

ALL = (
    Limit("rate", Algorithm.RATE, 100, 86400, burst=100),
    Limit("window", Algorithm.WINDOW, 100, 86400),
    Limit("distinct", Algorithm.DISTINCT, 100, 86400),
)
MANY = Limit("many", Algorithm.WINDOW, 10**9, 86400)
TWICE = Limit("twice", Algorithm.WINDOW, 2, 86400)

COUNTED = b"$9\r\n1 0.5 1 0\r\n"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path) as running:
        yield running


@asynccontextmanager
async def backend(url: str, seconds: float = GENEROUS) -> AsyncIterator[RedisBackend]:
    opened = RedisBackend(url, timeout=seconds)
    try:
        yield opened
    finally:
        await opened.close()


async def left(store: RedisBackend, key: str) -> int | None:
    (standing,) = await store.take([Charge(TWICE, key)])
    return standing.left if standing.admitted else None


async def trouble(store: RedisBackend) -> Trouble:
    with pytest.raises(StoreError) as raised:
        await store.take([Charge(TWICE, "k")])
    return raised.value.trouble


async def eventually(store: RedisBackend, key: str) -> Standing:
    async with asyncio.timeout(GENEROUS):
        while True:
            try:
                return (await store.take([Charge(TWICE, key)]))[0]
            except StoreError:
                await asyncio.sleep(0.02)


async def shown(store: RedisBackend) -> list[str]:
    return sorted([entry.key async for entry in store.entries()])


def keys(node: PrivateRedis) -> int:
    return int(node.run("DBSIZE")[1:])


# A real cluster, of which a node is named that holds nothing


def test_the_node_that_holds_the_counters_is_found_and_counts_exactly(pair: Cluster) -> None:
    async def client(store: RedisBackend, limit: Limit, number: int) -> int:
        taken = [await store.take([Charge(limit, "hot", member=f"{number} {i}")]) for i in range(20)]
        return sum(standing.admitted for (standing,) in taken)

    async def main() -> None:
        async with backend(pair.outsider.url) as store, backend(pair.holder.url) as beside:
            for limit in ALL:
                counts = (
                    client(each, limit, number)
                    for each in (store, beside)
                    for number in range(id(each), id(each) + 8)
                )
                assert sum(await asyncio.gather(*counts)) == 100
        assert (keys(pair.outsider), keys(pair.holder)) == (0, 3)

    asyncio.run(main())


@pytest.mark.long
def test_counters_are_shown_and_forgotten_where_they_are_though_nothing_was_counted_before(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.holder.url) as store:
            await store.take([Charge(limit, f"{number}") for limit in ALL for number in range(500)])
        async with backend(pair.outsider.url) as store:
            assert len(await shown(store)) == 1500
        async with backend(pair.outsider.url) as store:
            assert await store.forget("rate", "7")
            assert not await store.forget("rate", "7")

    asyncio.run(main())


@pytest.mark.long
def test_counters_may_be_moved_to_another_node_at_any_time(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            assert await left(store, "old") == 1
            pair.begin_move(pair.holder, pair.outsider)
            assert await left(store, "old") == 0
            assert await left(store, "new") == 1
            pair.move_keys(pair.holder, pair.outsider)
            assert await left(store, "old") is None
            assert await left(store, "new") == 0
            assert await store.forget(TWICE.name, "new")
            pair.end_move(pair.holder, pair.outsider)
            assert await left(store, "old") is None
            assert await left(store, "new") == 1
            assert await shown(store) == ["new", "old"]
            pair.move(pair.outsider, pair.holder)
            assert await left(store, "new") == 0
            assert await shown(store) == ["new", "old"]

    asyncio.run(main())


@pytest.mark.long
def test_counters_that_are_half_moved_are_not_shown_as_if_they_were_all_nor_counted_in_part(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            assert await left(store, "old") == 1
            pair.begin_move(pair.holder, pair.outsider)
            with pytest.raises(StoreError, match="on their way"):
                await shown(store)
            with pytest.raises(StoreError) as raised:
                await store.take([Charge(TWICE, "old"), Charge(TWICE, "new")])
            assert raised.value.trouble is Trouble.UNREACHABLE
            pair.move_keys(pair.holder, pair.outsider)
            pair.end_move(pair.holder, pair.outsider)
            standings = await store.take([Charge(TWICE, "old"), Charge(TWICE, "new")])
            assert [standing.left for standing in standings] == [0, 1]

    asyncio.run(main())


@pytest.mark.long
def test_a_list_that_is_being_shown_while_they_move_begins_anew_and_shows_each_once(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            for start in range(0, 3000, 100):
                await store.take([Charge(TWICE, f"{i}") for i in range(start, start + 100)])
            entries = aiter(store.entries())
            found = [(await anext(entries)).key]
            pair.move(pair.holder, pair.outsider)
            found += [entry.key async for entry in entries]
            assert sorted(map(int, found)) == list(range(3000))

    asyncio.run(main())


@pytest.mark.long
def test_none_is_counted_twice_or_not_at_all_while_they_move_under_load(pair: Cluster) -> None:
    moved = asyncio.Event()

    async def client(store: RedisBackend) -> int:
        admitted = 0
        while not moved.is_set():
            try:
                (standing,) = await store.take([Charge(MANY, "hot")])
            except StoreError:
                # It was refused, not late; so nothing has been counted.
                await asyncio.sleep(0.001)
                continue
            admitted += standing.admitted
        return admitted

    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            clients = [asyncio.create_task(client(store)) for _ in range(8)]
            for source, target in ((pair.holder, pair.outsider), (pair.outsider, pair.holder)) * 2:
                for step in (pair.begin_move, pair.move_keys, pair.end_move):
                    await asyncio.to_thread(step, source, target)
                    # Some takes fall into each stage.
                    await asyncio.sleep(0.02)
            moved.set()
            admitted = sum(await asyncio.gather(*clients))
            (standing,) = await store.look([Charge(MANY, "hot", cost=0)])
            assert standing.left == MANY.amount - admitted

    asyncio.run(main())


@pytest.mark.long
def test_the_node_that_the_url_names_is_needed_no_more_once_the_other_is_known(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            assert await left(store, "k") == 1
            pair.outsider.kill()
            assert await left(store, "k") == 0

    asyncio.run(main())


@pytest.mark.long
def test_a_killed_holder_is_unreachable_and_found_again_when_it_is_back(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            assert await left(store, "k") == 1
            pair.holder.kill()
            for _ in range(3):
                assert await trouble(store) is Trouble.UNREACHABLE
            pair.holder.start()
            assert (await eventually(store, "k")).left == 1

    asyncio.run(main())


@pytest.mark.long
def test_a_node_that_is_killed_after_the_counters_moved_there_is_unreachable(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url) as store:
            assert await left(store, "k") == 1
            pair.move(pair.holder, pair.outsider)
            assert await left(store, "k") == 0
            pair.outsider.kill()
            for _ in range(4):
                assert await trouble(store) is Trouble.UNREACHABLE

    asyncio.run(main())


@pytest.mark.long
def test_a_hung_holder_is_late_and_counts_again_when_it_goes_on(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.url, seconds=0.05) as store:
            await eventually(store, "k")
            with pair.holder.hung():
                for _ in range(5):
                    assert await trouble(store) is Trouble.TIMEOUT
            assert (await eventually(store, "other")).admitted

    asyncio.run(main())


@pytest.mark.long
def test_what_a_unix_socket_leads_to_is_not_left(pair: Cluster) -> None:
    async def main() -> None:
        async with backend(pair.outsider.unix_url) as store:
            assert await trouble(store) is Trouble.UNREACHABLE
            with pytest.raises(StoreError, match="another node"):
                await store.forget("a", "b")
            with pytest.raises(StoreError, match="another node"):
                await shown(store)
            assert len(store._nodes._pools) == 1

    asyncio.run(main())


@pytest.mark.long
def test_the_node_named_is_given_the_same_password_and_trust_and_may_leave_out_its_host(tmp_path: Path) -> None:
    password_file = tmp_path / "password"
    password_file.write_text("a secret")

    async def main(nodes: Cluster) -> None:
        store = RedisBackend(nodes.outsider.url, password_file, nodes.outsider.certificate, timeout=GENEROUS)
        assert [await left(store, "k") for _ in range(3)] == [1, 0, None]
        await store.close()
        assert keys(nodes.holder) == 1

    with tls_cluster(tmp_path, "a secret") as nodes:
        asyncio.run(main(nodes))


# Nodes that say what a test wants


def node(answer: Callable[[], bytes | None]) -> Callable[[bytes], bytes | None]:
    return lambda name: b"+OK\r\n" if name in (b"SCRIPT", b"ASKING") else answer()


def moved_to(url: str) -> bytes:
    return f"-MOVED 1 {url.removeprefix('redis://')}\r\n".encode()


def test_two_nodes_that_each_refer_to_the_other_are_asked_once_each() -> None:
    async def main() -> None:
        asked: list[str] = []
        urls: dict[str, str] = {}

        def refer(own: str, other: str) -> bytes:
            asked.append(own)
            return moved_to(urls[other])

        async with (
            fake_redis(node(lambda: refer("a", "b"))) as urls["a"],
            fake_redis(node(lambda: refer("b", "a"))) as urls["b"],
            backend(urls["a"]) as store,
        ):
            assert await trouble(store) is Trouble.UNREACHABLE
            assert asked == ["a", "b"]

    asyncio.run(main())


def test_a_node_that_refers_to_itself_for_good_is_asked_twice() -> None:
    async def main() -> None:
        for kind in (b"MOVED", b"ASK"):
            asked: list[bytes] = []
            own: list[str] = []

            def refer(kind: bytes = kind, asked: list[bytes] = asked, own: list[str] = own) -> bytes:
                asked.append(kind)
                return moved_to(own[0]).replace(b"MOVED", kind)

            async with fake_redis(node(refer)) as url, backend(url) as store:
                own.append(url)
                assert await trouble(store) is Trouble.UNREACHABLE
                assert len(asked) == 2

    asyncio.run(main())


def test_who_was_referred_to_a_node_that_refers_on_is_referred_on_by_the_next_take() -> None:
    async def main() -> None:
        asked: list[str] = []

        def answer(name: str, said: bytes) -> bytes:
            asked.append(name)
            return said

        async with (
            fake_redis(node(lambda: answer("third", COUNTED))) as third,
            fake_redis(node(lambda: answer("second", moved_to(third).replace(b"MOVED", b"ASK")))) as second,
            fake_redis(node(lambda: answer("first", moved_to(second)))) as first,
            backend(first) as store,
        ):
            assert await trouble(store) is Trouble.UNREACHABLE
            for _ in range(2):
                assert await left(store, "k") == 1
        assert asked == ["first", "second", "second", "third", "second", "third"]

    asyncio.run(main())


def test_when_the_node_named_is_gone_the_next_take_asks_the_one_of_the_url() -> None:
    async def main() -> None:
        says: list[bytes] = []
        async with fake_redis(node(lambda: says[-1])) as url, backend(url) as store:
            async with fake_redis(node(lambda: COUNTED)) as other:
                says.append(moved_to(other))
                assert await left(store, "k") == 1
                says.append(b"-ERR nobody asks here meanwhile\r\n")
                assert await left(store, "k") == 1
            says.append(COUNTED)
            assert await trouble(store) is Trouble.UNREACHABLE
            assert await left(store, "k") == 1

    asyncio.run(main())


def test_a_node_that_is_cut_off_from_its_cluster_is_left_for_the_one_of_the_url() -> None:
    async def main() -> None:
        says: list[bytes] = []
        cut_off: list[bytes] = [COUNTED]
        async with (
            fake_redis(node(lambda: says[-1])) as url,
            fake_redis(node(lambda: cut_off[-1])) as other,
            backend(url) as store,
        ):
            says.append(moved_to(other))
            assert await left(store, "k") == 1
            cut_off.append(b"-CLUSTERDOWN The cluster is down\r\n")
            says.append(COUNTED)
            assert await trouble(store) is Trouble.UNREACHABLE
            assert await left(store, "k") == 1

    asyncio.run(main())


def test_a_node_that_was_late_once_is_asked_again_though_the_one_of_the_url_is_silent() -> None:
    async def main() -> None:
        home: list[bytes | None] = []
        away: list[bytes | None] = [COUNTED]
        async with (
            fake_redis(node(lambda: home[-1])) as url,
            fake_redis(node(lambda: away[-1])) as other,
            backend(url, seconds=0.05) as store,
        ):
            home.append(moved_to(other))
            await eventually(store, "k")
            home.append(None)
            away.append(None)
            assert await trouble(store) is Trouble.TIMEOUT
            away.append(COUNTED)
            assert (await eventually(store, "k")).admitted

    asyncio.run(main())


def test_connections_are_kept_to_a_few_nodes_however_many_are_named() -> None:
    async def main() -> None:
        ports = iter(range(1, 1000))
        async with fake_redis(node(lambda: moved_to(f"127.0.0.1:{next(ports)}"))) as url, backend(url) as store:
            for _ in range(40):
                await trouble(store)
            assert len(store._nodes._pools) <= 1 + MAX_NAMED
            await asyncio.sleep(0)
        assert not store._nodes._closing

    asyncio.run(main())


def test_after_closing_no_other_node_is_connected_to() -> None:
    async def main() -> None:
        nodes = RedisNodes(RedisServer("redis://127.0.0.1:1"), ("PING",))
        await nodes.close()
        with pytest.raises(StoreError, match="closed"):
            await nodes._ask_one(Node("127.0.0.1", 2), [("PING",)])
        assert len(nodes._pools) == 1

    asyncio.run(main())


# How nodes are named


@pytest.mark.parametrize(
    ("said", "by", "meant"),
    [
        ("10.0.0.2:7000", None, Node("10.0.0.2", 7000)),
        ("node-2.cache.example:7000", None, Node("node-2.cache.example", 7000)),
        ("node.:7000", None, Node("node.", 7000)),
        ("2001:db8::2:7000", None, Node("2001:db8::2", 7000)),
        (":7000", None, Node("cache.example", 7000)),
        (":7000", Node("10.0.0.2", 1), Node("10.0.0.2", 7000)),
    ],
)
def test_a_node_is_named_by_an_address_or_a_name_and_without_one_is_the_host_that_was_asked(
    said: str, by: Node | None, meant: Node
) -> None:
    nodes = RedisNodes(RedisServer("redis://cache.example"), ("PING",))
    assert nodes._named(MovedError(f"1 {said}"), by) == meant


NO_NODES = (
    "?:7000",
    "a..b:7000",
    ".:7000",
    "a/../b:7000",
    "a@b:7000",
    "a\tb:7000",
    "[::1]:7000",
    "::1%eth0:7000",
    "1:2:3:7000",
    f"{'a' * 64}:7000",
    f"{'a.' * 127}:7000",
    "\ufffd:7000",
    "127.0.0.1:0",
    "127.0.0.1:-1",
    "127.0.0.1:65536",
    # These the library cannot read.
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:x",
    "127.0.0.1:7000 more",
    "",
)


@pytest.mark.parametrize("kind", ["MOVED", "ASK"])
@pytest.mark.parametrize("said", NO_NODES)
def test_what_names_no_node_is_followed_nowhere(kind: str, said: str) -> None:
    async def main() -> None:
        answer = f"-{kind} 1 {said}\r\n".encode()
        async with fake_redis(node(lambda: answer)) as url, backend(url) as store:
            for _ in range(2):
                assert await trouble(store) in (Trouble.UNREACHABLE, Trouble.BROKEN)
            assert len(store._nodes._pools) == 1

    asyncio.run(main())
