import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Protocol, TypeVar

import pytest

from relayguard import Answer, Question, RecordType, Status
from relayguard.dns import resolver as resolver_module
from relayguard.dns.resolver import CachingResolver, system_nameservers
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.ports import free_port

T = TypeVar("T")

ZONE = f"""\
example.com. IN TXT "v=spf1 -all"
short.example.com. 60 IN A 192.0.2.1
www.example.com. IN CNAME short.example.com.
long.example.com. IN TXT {" ".join(f'"{"x" * 250}"' for _ in range(8))}
a+b._spf.example.com. IN A 127.0.0.2
a\\064b.example.com. IN A 127.0.0.3
xn--mnchen-3ya.example. IN A 192.0.2.5
$SERVFAIL broken.example
$SILENT silent.example
"""
SPF = Question("example.com", RecordType.TXT)


class Watch:
    """Counts what the resolver tells, and is its clock, which a test may move."""

    def __init__(self) -> None:
        self.answered: list[tuple[Question, Status]] = []
        self.hits = 0
        self.ahead = 0.0

    def dns_answered(self, question: Question, answer: Answer, seconds: float) -> None:
        assert seconds >= 0
        self.answered.append((question, answer.status))

    def dns_cache_hit(self, count: int = 1) -> None:
        self.hits += count

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class Rig:
    """A resolver before a real server."""

    def __init__(self, server: DnsServer, timeout: float, *others: tuple[str, int]) -> None:
        self.server = server
        self.watch = Watch()
        servers = [*others, ("127.0.0.1", server.port)]
        self.resolver = CachingResolver(servers, timeout, 1000, self.watch, self.watch.monotonic)

    async def ask(self, name: str, kind: RecordType = RecordType.A) -> Answer:
        return await self.resolver.resolve(Question(name, kind))


class Run(Protocol):
    """Runs a test in a loop of its own, against the server of this module."""

    def __call__(
        self, test: Callable[[Rig], Coroutine[None, None, T]], timeout: float = 3.0, *others: tuple[str, int]
    ) -> T: ...


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with DnsServer(ZONE) as served:
        yield served


@pytest.fixture
def run(server: DnsServer) -> Run:
    def inside(test: Callable[[Rig], Coroutine[None, None, T]], timeout: float = 3.0, *others: tuple[str, int]) -> T:
        async def on_the_loop() -> T:
            return await test(Rig(server, timeout, *others))

        return asyncio.run(on_the_loop())

    server.queries.clear()
    return inside


def test_an_answer_is_asked_once_and_held_for_its_ttl(run: Run) -> None:
    async def test(rig: Rig) -> None:
        for _ in range(3):
            assert (await rig.ask("short.example.com")).hosts == ("192.0.2.1",)
        assert rig.server.queries["short.example.com A"] == 1
        assert rig.watch.hits == 2
        rig.watch.ahead = 61
        await rig.ask("short.example.com")
        assert rig.server.queries["short.example.com A"] == 2

    run(test)


def test_answers_at_hand_are_counted_and_only_the_others_are_asked(run: Run) -> None:
    async def test(rig: Rig) -> None:
        known, other = Question("short.example.com", RecordType.A), SPF
        await rig.resolver.resolve(known)
        answers = await rig.resolver.resolve_all(iter([known, other, known, other]))
        assert {question: answer.status for question, answer in answers.items()} == dict.fromkeys(
            (known, other), Status.FOUND
        )
        assert rig.watch.hits == 1
        assert rig.server.queries == {"short.example.com A": 1, "example.com TXT": 1}
        assert await rig.resolver.resolve_all([known, other]) == answers
        assert rig.watch.hits == 3

    run(test)


def test_what_is_at_hand_is_not_asked_early_and_counts_as_nothing(run: Run) -> None:
    async def test(rig: Rig) -> None:
        await rig.resolver.resolve(SPF)
        rig.resolver.prefetch([SPF])
        await asyncio.sleep(0.05)
        assert (rig.watch.hits, len(rig.watch.answered), rig.server.queries["example.com TXT"]) == (0, 1, 1)

    run(test)


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("nothing.example.com", RecordType.A, Status.NXDOMAIN),
        ("example.com", RecordType.MX, Status.NODATA),
        ("broken.example", RecordType.TXT, Status.TEMPERROR),
    ],
)
def test_bad_news_is_held_too(run: Run, name: str, kind: RecordType, status: Status) -> None:
    async def test(rig: Rig) -> None:
        for _ in range(2):
            assert (await rig.ask(name, kind)).status is status
        assert rig.server.queries[f"{name} {kind}"] == 1

    run(test)


def test_a_broken_zone_is_asked_again_after_ten_seconds(run: Run) -> None:
    async def test(rig: Rig) -> None:
        await rig.ask("broken.example")
        rig.watch.ahead = 10.1
        await rig.ask("broken.example")
        assert rig.server.queries["broken.example A"] == 2

    run(test)


def test_messages_that_want_the_same_answer_share_one_query(run: Run) -> None:
    async def test(rig: Rig) -> None:
        answers = await asyncio.gather(*(rig.resolver.resolve(SPF) for _ in range(50)))
        assert {answer.texts for answer in answers} == {(b"v=spf1 -all",)}
        assert rig.server.queries["example.com TXT"] == 1
        assert rig.watch.answered == [(SPF, Status.FOUND)]

    run(test)


def test_a_message_that_gives_up_does_not_take_the_answer_from_the_others(run: Run) -> None:
    async def test(rig: Rig) -> None:
        impatient = asyncio.create_task(rig.resolver.resolve(SPF))
        patient = asyncio.create_task(rig.resolver.resolve(SPF))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).status is Status.FOUND
        assert rig.server.queries["example.com TXT"] == 1

    run(test)


def test_a_server_that_never_answers_is_a_temporary_error_at_the_deadline(run: Run) -> None:
    async def test(rig: Rig) -> Answer:
        return await rig.ask("silent.example")

    answer = run(test, 0.3)
    assert (answer.status, answer.reason) == (Status.TEMPERROR, "timeout")


def test_a_port_where_nobody_listens_is_a_temporary_error() -> None:
    async def test() -> Answer:
        resolver = CachingResolver([("127.0.0.1", free_port())], 0.3, 100, Watch())
        return await resolver.resolve(SPF)

    assert asyncio.run(test()).status is Status.TEMPERROR


def test_a_server_that_refuses_is_asked_again_and_again_but_ever_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def refuse(*question: object) -> object:
        asked.append(question)
        raise ConnectionRefusedError

    monkeypatch.setattr(resolver_module, "ask", refuse)

    async def test() -> Answer:
        return await CachingResolver([("127.0.0.1", 53)], 1.0, 100, Watch()).resolve(SPF)

    assert asyncio.run(test()).status is Status.TEMPERROR
    assert 2 <= len(asked) <= 6


def test_the_next_nameserver_is_asked_when_the_first_is_down(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayguard.dns.resolver._FIRST_TRY", 0.1)

    async def test(rig: Rig) -> Answer:
        return await rig.resolver.resolve(SPF)

    assert run(test, 3.0, ("127.0.0.1", free_port())).status is Status.FOUND


def test_the_next_nameserver_is_asked_when_the_first_says_servfail(run: Run) -> None:
    async def test(rig: Rig) -> Answer:
        with DnsServer("$SERVFAIL example.com\n") as broken:
            watch = Watch()
            servers = [("127.0.0.1", broken.port), ("127.0.0.1", rig.server.port)]
            return await CachingResolver(servers, 3.0, 100, watch).resolve(SPF)

    assert run(test).status is Status.FOUND


def test_a_record_too_long_for_udp_comes_over_tcp(run: Run) -> None:
    async def test(rig: Rig) -> Answer:
        return await rig.ask("long.example.com", RecordType.TXT)

    assert run(test).texts == (b"x" * 2000,)


def test_names_are_absolute_whatever_the_search_list_says(run: Run) -> None:
    async def test(rig: Rig) -> None:
        for name in ("localhost", "example.com", "example.com."):
            await rig.ask(name, RecordType.TXT)
        assert set(rig.server.queries) == {"localhost TXT", "example.com TXT"}

    run(test)


def test_many_names_are_asked_at_once(run: Run) -> None:
    async def test(rig: Rig) -> None:
        # One after another, the silent ones alone would take twenty times the deadline.
        wanted = [Question(f"{number}.silent.example", RecordType.TXT) for number in range(20)]
        async with asyncio.timeout(3):
            answers = await rig.resolver.resolve_all([*wanted, SPF, SPF])
        assert [answers[question].status for question in wanted] == [Status.TEMPERROR] * 20
        assert answers[SPF].status is Status.FOUND

    run(test, 0.4)


def test_what_was_prefetched_is_at_hand(run: Run) -> None:
    async def test(rig: Rig) -> None:
        assert rig.resolver.cached(SPF) is None
        rig.resolver.prefetch([SPF, SPF])
        await rig.resolver.resolve(SPF)
        rig.resolver.prefetch([SPF])
        assert rig.resolver.cached(SPF) is not None
        assert rig.server.queries["example.com TXT"] == 1

    run(test)


def test_a_thread_may_ask_early_and_see_what_is_at_hand(run: Run) -> None:
    async def test(rig: Rig) -> None:
        # Questions come as a generator, which must not be left to the loop.
        await asyncio.to_thread(lambda: rig.resolver.prefetch(question for question in (SPF, SPF)))
        assert (await rig.resolver.resolve(SPF)).status is Status.FOUND
        assert await asyncio.to_thread(rig.resolver.cached, SPF) == rig.resolver.cached(SPF)
        await asyncio.to_thread(rig.resolver.prefetch, [SPF])
        await asyncio.sleep(0)
        assert rig.server.queries["example.com TXT"] == 1
        assert not rig.resolver._in_flight

    run(test)


def test_a_thread_that_outlives_the_loop_asks_nobody(run: Run) -> None:
    async def test(rig: Rig) -> Rig:
        return rig

    rig = run(test)
    rig.resolver.prefetch([SPF])
    assert not rig.server.queries


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("a+b._spf.example.com", "127.0.0.2"),
        ("a@b.example.com", "127.0.0.3"),
        ("m\u00fcnchen.example", "192.0.2.5"),
        ("WWW.example.com", "192.0.2.1"),
    ],
)
def test_odd_labels_are_asked_as_they_are(run: Run, name: str, host: str) -> None:
    async def test(rig: Rig) -> Answer:
        return await rig.ask(name)

    assert run(test).hosts == (host,)


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", ".a", "x" * 64 + ".example", "a." * 130 + "b", "\u00fc\u202e.example"]
)
def test_a_name_that_cannot_exist_is_not_asked(run: Run, name: str) -> None:
    async def test(rig: Rig) -> None:
        assert (await rig.ask(name)).status is Status.NXDOMAIN
        assert not rig.server.queries
        assert not rig.watch.answered

    run(test)


def test_a_backslash_is_no_escape(run: Run) -> None:
    async def test(rig: Rig) -> None:
        assert (await rig.ask("a\\064b.example.com")).status is Status.NXDOMAIN

    run(test)


def test_without_a_nameserver_there_is_no_resolver() -> None:
    with pytest.raises(ValueError, match="no nameserver"):
        CachingResolver([], 1.0, 100, Watch())


def test_the_nameservers_of_the_system_have_the_usual_port() -> None:
    assert {port for _, port in system_nameservers()} <= {53}
