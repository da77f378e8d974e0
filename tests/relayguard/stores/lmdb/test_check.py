"""A file of counters that ends whoever goes through it does so once, to a process that is there for it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from errno import EAGAIN, ENOENT
from pathlib import Path

import lmdb
import pytest

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb import check
from relayguard.stores.lmdb.check import Suspicion, is_whole
from relayguard.stores.lmdb.environment import DATA
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.shared_file import SharedFile
from relayguard.stores.lmdb.sweep import Sweep

DEADLY = 20
"""A page of the file that is a leaf, in the midst of others."""


def fill(folder: Path) -> None:
    def put(transaction: lmdb.Transaction) -> None:
        for number in range(3000):
            transaction.put(b"%06d" % number, bytes(40))

    shared = SharedFile(folder, 3000, 30.0, print)
    asyncio.run(shared.write(put))
    shared.close()


def zero(folder: Path, page: int) -> None:
    with (folder / DATA).open("r+b") as data:
        data.seek(page * 4096)
        data.write(bytes(4096))


def whole(folder: Path) -> bool:
    return asyncio.run(is_whole(folder))


def test_a_file_is_whole_if_all_of_it_can_be_read(tmp_path: Path) -> None:
    assert whole(tmp_path)
    fill(tmp_path)
    assert whole(tmp_path)


@pytest.mark.parametrize("page", [2, DEADLY], ids=["told by LMDB", "ends the process"])
def test_a_file_with_an_empty_page_is_not_whole(page: int, tmp_path: Path) -> None:
    fill(tmp_path)
    zero(tmp_path, page)
    assert not whole(tmp_path)


def test_others_have_their_turn_while_a_file_is_checked(tmp_path: Path) -> None:
    fill(tmp_path)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> bool:
        counting = asyncio.create_task(count())
        found = await is_whole(tmp_path)
        counting.cancel()
        return found

    assert asyncio.run(both())
    assert turns > 1


def test_who_is_cancelled_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_PROGRAM", "import signal; signal.alarm(60); signal.pause()")
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(command: list[str], **options: int) -> "subprocess.Popen[bytes]":
        started.append(popen(command, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)

    async def cancel() -> None:
        task = asyncio.create_task(is_whole(tmp_path))
        while not started:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())
    assert started[0].returncode == -9


@pytest.mark.parametrize(
    "program", ["raise SystemExit(1)", "import signal; signal.setitimer(0, 1e-6); signal.pause()"]
)
def test_a_check_that_did_not_come_to_an_end_condemns_nothing(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_PROGRAM", program)
    with pytest.raises(StoreError) as failed:
        whole(tmp_path)
    assert failed.value.trouble is Trouble.TIMEOUT


def test_without_another_process_no_file_is_trusted_unless_there_may_be_one_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(number: int) -> Callable[..., None]:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        return refuse

    monkeypatch.setattr(subprocess, "Popen", refusing(ENOENT))
    assert not whole(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", refusing(EAGAIN))
    with pytest.raises(StoreError) as failed:
        whole(tmp_path)
    assert failed.value.trouble is Trouble.UNREACHABLE


def test_a_host_that_was_started_anew_is_a_reason_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot id"
    monkeypatch.setattr(check, "_BOOT_ID", boot)
    suspicion = Suspicion(tmp_path)
    # Where nobody can tell, there is none.
    assert not suspicion.is_there()
    for number in "12":
        boot.write_text(number)
        assert suspicion.is_there()
        suspicion.settle()
        assert not suspicion.is_there()


def test_suspicion_stays_behind_if_a_process_does_not_survive_its_way(tmp_path: Path) -> None:
    suspicion = Suspicion(tmp_path)
    suspicion.settle()
    with pytest.raises(StoreError), suspicion.walking():
        raise StoreError(Trouble.FULL, "full")
    assert not suspicion.is_there()
    with suspicion.walking():
        assert Suspicion(tmp_path).is_there()


SWEEPS = """
import asyncio, resource, sys
from pathlib import Path
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.shared_file import SharedFile
from relayguard.stores.lmdb.sweep import Sweep

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
folder = Path(sys.argv[1])
sweep = Sweep(SharedFile(folder, 3000, 30.0, print), LockFile(folder / "sweep.lock"), lambda: 0.0)
asyncio.run(sweep._step())
"""


def test_a_file_that_ends_a_worker_is_moved_aside_by_the_next(tmp_path: Path) -> None:
    fill(tmp_path)
    Suspicion(tmp_path).settle()
    zero(tmp_path, DEADLY)
    died = subprocess.run(
        [sys.executable, "-c", SWEEPS, str(tmp_path)], check=False, timeout=60, stderr=subprocess.DEVNULL
    )
    assert died.returncode < 0
    moved: list[str] = []
    shared, lock = SharedFile(tmp_path, 3000, 30.0, moved.append), LockFile(tmp_path / "sweep.lock")
    asyncio.run(Sweep(shared, lock, lambda: 0.0)._step())
    assert len(moved) == 1
    assert not Suspicion(tmp_path).is_there()
    shared.close()
    lock.close()


def test_a_worker_that_is_killed_on_its_way_loses_no_counter(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "walking").touch()
    moved: list[str] = []
    shared, lock = SharedFile(tmp_path, 3000, 30.0, moved.append), LockFile(tmp_path / "sweep.lock")
    asyncio.run(Sweep(shared, lock, lambda: 0.0)._check())
    assert not moved
    assert not Suspicion(tmp_path).is_there()
    assert asyncio.run(shared.read(lambda transaction: transaction.get(b"000000")))
    shared.close()
    lock.close()
