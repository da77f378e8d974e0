import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relayguard.config import parse
from relayguard.core.processes import Cause, State
from relayguard.daemon.channel import Word
from relayguard.daemon.process import Starter, Worker
from relayguard.snapshot import take

COMMAND = (sys.executable, "-P", "-m", "relayguard")


@contextmanager
def descriptors(folder: Path, filters: str) -> Iterator[tuple[socket.socket, int]]:
    text = f'filters = [{filters}]\nplugin_directory = "{Path(__file__).parents[2] / "drop_in"}"\n'
    text += f'[dns]\nnameservers = ["127.0.0.1:53"]\n[listener.default]\naddress = "unix:{folder}/milter.sock"'
    snapshot = os.memfd_create("snapshot")
    take(parse(text)).write(snapshot)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "milter.sock"))
        listening.listen()
        listening.settimeout(0)
        yield listening, snapshot
    os.close(snapshot)


def with_worker(folder: Path, act: Callable[[Worker], Awaitable[None]], filters: str = '"author"') -> list[Worker]:
    """Start a worker, do something with it, and see that it has ended; return who was said to be gone."""
    gone: list[Worker] = []

    async def run() -> None:
        with descriptors(folder, filters) as (listening, snapshot):
            starter = Starter(COMMAND, str(folder))
            worker = starter.start({"default": listening}, "libmilter", 1, snapshot, 0, None, 1, gone.append)
            try:
                async with asyncio.timeout(30):
                    await act(worker)
            finally:
                worker.kill(signal.SIGKILL)
                await worker.ended
            assert gone == [worker]

    asyncio.run(run())
    return gone


def test_a_worker_says_when_it_is_ready_serves_when_told_and_leaves_when_told(tmp_path: Path) -> None:
    async def serve(worker: Worker) -> None:
        assert worker.state is State.STARTING
        await worker.ready
        worker.serve()
        worker.leave(Word.STOP, 5)
        await worker.ended

    (worker,) = with_worker(tmp_path, serve)
    assert (worker.status, worker.cause) == (0, Cause.EXIT)
    assert worker.beat.memory > 0
    assert worker.detached.is_set()


def test_a_worker_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    async def wait(worker: Worker) -> None:
        await worker.ended
        assert not worker.ready.done()

    (worker,) = with_worker(tmp_path, wait, filters='"fussy"')
    assert worker.status == 78
    assert worker.problem == "filter.fussy: RuntimeError: the licence server is away"


def test_a_crash_leaves_a_note_of_where_it_happened(tmp_path: Path) -> None:
    async def crash(worker: Worker) -> None:
        await worker.ready
        worker.kill(signal.SIGSEGV)
        await worker.ended

    (worker,) = with_worker(tmp_path, crash)
    assert (worker.status, worker.cause) == (-signal.SIGSEGV, Cause.SIGNAL)
    assert worker.where is not None
    assert worker.where.startswith('File "')


def test_a_worker_that_does_not_serve_yet_has_nothing_to_finish(tmp_path: Path) -> None:
    async def leave(worker: Worker) -> None:
        worker.leave(Word.DRAIN, 300)
        await worker.ended

    (worker,) = with_worker(tmp_path, leave)
    assert worker.status == -signal.SIGKILL


def test_a_worker_that_hangs_is_ended_and_the_cause_is_known(tmp_path: Path) -> None:
    async def hang(worker: Worker) -> None:
        await worker.ready
        worker.kill(signal.SIGSTOP)
        worker.abort(Cause.HEARTBEAT)
        await worker.ended

    (worker,) = with_worker(tmp_path, hang)
    assert worker.cause is Cause.HEARTBEAT


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_command_that_is_not_there_leaves_no_descriptor_open(tmp_path: Path) -> None:
    async def start() -> None:
        with descriptors(tmp_path, '"author"') as (listening, snapshot):
            before = open_descriptors()
            with pytest.raises(FileNotFoundError):
                Starter(("/nonexistent/python",), str(tmp_path)).start(
                    {"default": listening}, "libmilter", 1, snapshot, 0, None, 1, lambda _: None
                )
            assert open_descriptors() == before

    asyncio.run(start())
