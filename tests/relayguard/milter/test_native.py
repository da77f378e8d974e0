import asyncio
import os
import resource
import socket
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path

from relayguard.log import make_logger
from relayguard.milter.native import NativeTransport
from relayguard.milter.wire import Limits
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.relayguard.pipeline.rig import Rig

MESSAGE = b"From: a@example.org\r\n\r\nbody\r\n"


class Listening:
    """A transport that serves two listeners, and clients in threads."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.log = StringIO()
        self.rigs = {name: Rig() for name in ("in", "out")}
        pipelines = {name: rig.pipeline for name, rig in self.rigs.items()}
        self.transport = NativeTransport(pipelines, make_logger("json", "info", self.log), limits)
        self.sockets = {"in": socket.socket(socket.AF_UNIX), "out": socket.socket()}
        self.sockets["in"].bind(str(folder / "in.sock"))
        self.sockets["out"].bind(("127.0.0.1", 0))
        for each in self.sockets.values():
            each.listen()
        self.addresses = {
            "in": f"unix:{folder}/in.sock",
            "out": f"inet:127.0.0.1:{self.sockets['out'].getsockname()[1]}",
        }
        self.transport.serve(self.sockets, lambda: None)

    def client(self, name: str) -> MilterClient:
        return MilterClient(self.addresses[name])


def in_thread(work: Callable[[], object]) -> "asyncio.Future[object]":
    return asyncio.get_running_loop().run_in_executor(None, work)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def test_one_worker_serves_all_listeners_each_with_its_own_pipeline(tmp_path: Path) -> None:
    async def serve() -> None:
        listening = Listening(tmp_path)

        def send(name: str) -> object:
            with listening.client(name) as client:
                client.connect()
                client.helo()
                return client.deliver(MESSAGE).reply

        assert [await in_thread(partial(send, name)) for name in ("in", "out", "out")] == [CONTINUE] * 3
        await until(lambda: listening.transport.sessions == 0)
        assert [len(listening.rigs[name].seen.records) for name in ("in", "out")] == [1, 2]
        listening.transport.detach()

    asyncio.run(serve())


def test_sessions_and_envelopes_in_progress_are_counted(tmp_path: Path) -> None:
    async def serve() -> None:
        transport = (listening := Listening(tmp_path)).transport
        client = await in_thread(lambda: listening.client("in"))
        assert isinstance(client, MilterClient)
        assert (transport.sessions, transport.transactions, transport.active(60)) == (1, 0, 1)
        await in_thread(lambda: (client.connect(), client.helo(), client.mail_from(), client.begin(MESSAGE)))
        await in_thread(client.end_of_message)
        assert (transport.transactions, transport.active(0), transport.active(60)) == (0, 0, 1)
        client.drop()
        await until(lambda: transport.sessions == 0)
        transport.detach()

    asyncio.run(serve())


def test_after_detaching_sessions_go_on_and_nobody_new_is_accepted(tmp_path: Path) -> None:
    async def serve() -> None:
        listening = Listening(tmp_path)
        client = await in_thread(lambda: listening.client("out"))
        assert isinstance(client, MilterClient)
        listening.transport.detach()

        def talk() -> object:
            client.connect()
            client.helo()
            return client.deliver(MESSAGE).reply

        assert await in_thread(talk) == CONTINUE
        with socket.socket() as late:
            assert late.connect_ex(("127.0.0.1", int(listening.addresses["out"].rpartition(":")[2]))) != 0
        client.drop()
        await until(lambda: listening.transport.sessions == 0)

    asyncio.run(serve())


def test_clients_wait_while_no_descriptor_is_to_be_had(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def serve() -> None:
        listening = Listening(tmp_path)
        waiting = socket.socket(socket.AF_UNIX)
        # The lowest number that is free is that of the next descriptor.
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            waiting.connect(str(tmp_path / "in.sock"))
            await until(lambda: "no connection can be accepted" in listening.log.getvalue())
            assert listening.transport.sessions == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: listening.transport.sessions == 1)
        waiting.close()
        await until(lambda: listening.transport.sessions == 0)
        listening.transport.detach()

    asyncio.run(serve())
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_one_who_never_negotiates_is_given_up(tmp_path: Path) -> None:
    async def serve() -> None:
        listening = Listening(tmp_path, Limits(greeting=0.0))
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(tmp_path / "in.sock"))
            await until(lambda: listening.transport.sessions == 1)
            await until(lambda: listening.transport.sessions == 0)
        listening.transport.detach()

    asyncio.run(serve())
