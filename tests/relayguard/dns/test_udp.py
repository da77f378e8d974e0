import asyncio
import socket
from collections.abc import Callable, Coroutine

import dns.flags
import dns.message
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Answer, Question, RecordType, Status
from relayguard.dns.reading import TTL_MIN
from relayguard.dns.udp import Query, Truncated, ask
from relayguard.testing.ports import free_port

NOW = 1000.0
NAME = dns.name.from_text("Example.com.")


def asking(kind: RecordType = RecordType.TXT) -> Query:
    return Query(NAME.to_wire() or b"", Question("Example.com", kind))


def response(query: Query, *, change: Callable[[dns.message.Message], object] = lambda _: None) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query.to_wire()), recursion_available=True)
    change(message)
    return message.to_wire()


def test_a_query_asks_one_question_with_recursion_and_edns() -> None:
    message = dns.message.from_wire(asking().to_wire())
    assert [rrset.to_text() for rrset in message.question] == ["Example.com. IN TXT"]
    assert message.flags == dns.flags.RD | dns.flags.AD
    assert (message.edns, message.payload, message.ednsflags, message.options) == (0, 1232, 0, ())


def test_each_query_has_an_id_of_its_own() -> None:
    assert len({asking(RecordType.A).to_wire()[:2] for _ in range(100)}) > 90


def test_the_response_to_the_question_is_read() -> None:
    query = asking()
    assert query.read(response(query), NOW) == Answer(status=Status.NODATA, expires=NOW + TTL_MIN)


@pytest.mark.parametrize(
    "change",
    [
        lambda message: setattr(message, "id", message.id ^ 1),
        lambda message: setattr(message, "flags", message.flags & ~dns.flags.QR),
        lambda message: message.set_opcode(dns.opcode.NOTIFY),
        lambda message: setattr(message, "question", dns.message.make_query("example.org.", "TXT").question),
        lambda message: setattr(message, "question", dns.message.make_query(NAME, "A").question),
        lambda message: setattr(message, "question", dns.message.make_query(NAME, "TXT", "CH").question),
        lambda message: setattr(message, "question", []),
    ],
    ids=["id", "no response", "opcode", "name", "type", "class", "no question"],
)
def test_what_is_no_response_to_the_question_is_passed_over(change: Callable[[dns.message.Message], object]) -> None:
    query = asking()
    assert query.read(response(query, change=change), NOW) is None


def test_a_server_may_answer_in_another_case() -> None:
    query = asking()
    assert query.read(response(query).replace(b"Example", b"eXAMPLE"), NOW) is not None


def test_an_error_may_come_without_the_question() -> None:
    query = asking()

    def refuse(message: dns.message.Message) -> None:
        message.question = []
        message.set_rcode(dns.rcode.REFUSED)

    answer = query.read(response(query, change=refuse), NOW)
    assert answer is not None
    assert (answer.status, answer.reason) == (Status.TEMPERROR, "REFUSED")


def test_what_does_not_fit_is_to_be_asked_for_over_tcp() -> None:
    query = asking()
    cut = response(query, change=lambda message: setattr(message, "flags", message.flags | dns.flags.TC))
    with pytest.raises(Truncated):
        query.read(cut, NOW)


@given(st.binary(max_size=80), st.booleans(), st.integers(0, 60))
def test_no_datagram_whatsoever_breaks_the_reader(noise: bytes, follows: bool, kept: int) -> None:  # noqa: FBT001
    query = asking()
    datagram = response(query)[:kept] + noise if follows else noise
    try:
        answer = query.read(datagram, NOW)
    except Truncated:
        return
    assert answer is None or datagram[:2] == query.to_wire()[:2]


class Server:
    """A nameserver of a test, which sends what the test wants."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0)
        self.port: int = self.socket.getsockname()[1]
        self.clients: list[tuple[str, int]] = []

    async def reply(self, *datagrams: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, client = await loop.sock_recvfrom(self.socket, 4096)
        self.clients.append(client)
        for datagram in datagrams:
            self.socket.sendto(datagram, client)


def accepts_yes(datagram: bytes) -> bytes | None:
    return datagram if datagram == b"yes" else None


def run(test: Callable[[Server], Coroutine[None, None, None]]) -> None:
    server = Server()
    try:
        asyncio.run(test(server))
    finally:
        server.socket.close()


def test_the_first_response_that_is_accepted_counts() -> None:
    async def test(server: Server) -> None:
        answer, _ = await asyncio.gather(
            ask(b"query", "127.0.0.1", server.port, 3.0, accepts_yes), server.reply(b"", b"no", b"yes", b"yes")
        )
        assert answer == b"yes"

    run(test)


def test_each_question_has_a_port_of_its_own() -> None:
    async def test(server: Server) -> None:
        for _ in range(10):
            await asyncio.gather(ask(b"query", "127.0.0.1", server.port, 3.0, accepts_yes), server.reply(b"yes"))
        assert len(set(server.clients)) > 5

    run(test)


def test_what_comes_from_elsewhere_is_not_heard() -> None:
    async def test(server: Server) -> None:
        async def forge() -> None:
            await server.reply()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(b"yes", server.clients[0])

        with pytest.raises(TimeoutError):
            await asyncio.gather(ask(b"query", "127.0.0.1", server.port, 0.2, accepts_yes), forge())

    run(test)


def test_silence_ends_at_the_timeout_and_leaves_nothing_behind() -> None:
    async def test(server: Server) -> None:
        with pytest.raises(TimeoutError):
            await ask(b"query", "127.0.0.1", server.port, 0.05, accepts_yes)

    run(test)


def test_a_question_that_is_given_up_leaves_nothing_behind() -> None:
    async def test(server: Server) -> None:
        asked = asyncio.create_task(ask(b"query", "127.0.0.1", server.port, 3.0, accepts_yes))
        await server.reply()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        server.socket.sendto(b"yes", server.clients[0])
        await asyncio.sleep(0.05)

    run(test)


def test_what_the_reader_raises_is_raised() -> None:
    def truncated(_: bytes) -> None:
        raise Truncated

    async def test(server: Server) -> None:
        with pytest.raises(Truncated):
            await asyncio.gather(ask(b"query", "127.0.0.1", server.port, 3.0, truncated), server.reply(b"yes"))

    run(test)


def test_a_port_where_nobody_listens_is_told_at_once_or_at_the_timeout() -> None:
    with pytest.raises(OSError):  # noqa: PT011  # TimeoutError is one of them
        asyncio.run(ask(b"query", "127.0.0.1", free_port(), 0.2, accepts_yes))
