"""Counters that say nothing any more go, a little at a time, and one process sees to it for all."""

import asyncio
import random
from math import floor
from pathlib import Path

import lmdb
import pytest

from relayguard.stores.arithmetic import MEMBER, SLOTS, Distinct, Rate, State, Window, is_over, member_name
from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.lmdb import records, sweep
from relayguard.stores.lmdb.environment import DATA
from relayguard.stores.lmdb.lockfile import LockFile
from relayguard.stores.lmdb.shared_file import SharedFile
from relayguard.stores.lmdb.sweep import Sweep
from relayguard.stores.lmdb.walk import SLICE

NOW = 1_800_000_000.0
SPAN = 60.0
OVER = Rate(NOW - 1, SPAN, NOW - 61)
LIVING = Rate(NOW + 30, SPAN, NOW - 10)


class Swept:
    """A file with a sweep, and a clock that stands."""

    def __init__(self, folder: Path, max_keys: int = 10_000) -> None:
        self.now = NOW
        self.moved: list[str] = []
        self.shared = SharedFile(folder, max_keys, 0.01, self.moved.append)
        self.lock = LockFile(folder / "sweep.lock")
        self.sweep = Sweep(self.shared, self.lock, lambda: self.now)

    def put(self, states: dict[bytes, State]) -> None:
        def put_all(transaction: lmdb.Transaction) -> None:
            for key, state in states.items():
                transaction.put(key, records.encode(state))

        asyncio.run(self.shared.write(put_all))

    def once(self) -> dict[bytes, bytes]:
        asyncio.run(self.sweep.once())
        return self.found()

    def found(self) -> dict[bytes, bytes]:
        def look(transaction: lmdb.Transaction) -> dict[bytes, bytes]:
            return {key: bytes(value) for key, value in transaction.cursor().iternext()}

        return asyncio.run(self.shared.read(look))

    def close(self) -> None:
        self.shared.close()
        self.lock.close()


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_REST", 0.0)


def test_what_is_over_goes_and_what_is_not_stays(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    swept.put({b"%05d" % number: LIVING if number % 3 == 0 else OVER for number in range(3 * SLICE)})
    assert sorted(swept.once()) == [b"%05d" % number for number in range(0, 3 * SLICE, 3)]
    swept.close()


def test_a_file_that_is_full_of_long_keys_can_be_swept(tmp_path: Path) -> None:
    swept = Swept(tmp_path, max_keys=10_000)
    states = [(b"%0500d" % number, LIVING if number % 500 == 0 else OVER) for number in range(10_000)]
    random.Random(6).shuffle(states)

    def put(transaction: lmdb.Transaction) -> None:
        swept.shared.check_room(transaction, 100)
        for _ in range(100):
            key, state = states.pop()
            transaction.put(key, records.encode(state))

    trouble = None
    while trouble is None:
        try:
            asyncio.run(swept.shared.write(put))
        except StoreError as error:
            trouble = error.trouble
    assert trouble is Trouble.FULL
    asyncio.run(swept.sweep.once())
    assert all(int(key) % 500 == 0 for key in swept.found())
    asyncio.run(swept.shared.write(put))
    swept.close()


@pytest.mark.parametrize("count", [0, 1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE])
def test_no_key_is_left_out_however_many_there_are(count: int, tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    swept.put({b"%05d" % number: OVER for number in range(count)})
    assert swept.once() == {}
    swept.close()


def test_what_nobody_can_read_goes(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    swept.put({b"a": LIVING})
    asyncio.run(swept.shared.write(lambda transaction: transaction.put(b"b", b"nonsense")))
    assert list(swept.once()) == [b"a"]
    swept.close()


def test_what_changed_since_it_was_looked_at_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = Swept(tmp_path)
    swept.put({b"a": LIVING, b"b": OVER})

    def look(transaction: lmdb.Transaction, after: bytes, now: float) -> tuple[None, list[bytes]]:
        return None, [b"a", b"b", b"gone already"]

    monkeypatch.setattr(sweep, "_look", look)
    assert list(swept.once()) == [b"a"]
    swept.close()


@pytest.mark.parametrize(
    "state",
    [
        Rate(NOW + 7200 + 30, SPAN, NOW + 7200),
        Window(((floor((NOW + 7190) * SLOTS / SPAN), 3.0),), NOW + 7200, SPAN, 10.0),
        Distinct(
            MEMBER.pack(member_name("a"), NOW + 7190) + MEMBER.pack(member_name("b"), NOW + 7200),
            NOW + 7200,
            SPAN,
            10.0,
        ),
    ],
    ids=["rate", "window", "distinct"],
)
def test_after_the_clock_was_set_back_nothing_stays_until_it_is_right_again(state: State, tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    swept.put({b"a": state})
    kept = records.decode(swept.once()[b"a"])
    assert kept is not None
    assert kept.updated == NOW
    assert not is_over(kept, NOW)
    swept.now += 3 * SPAN
    assert swept.once() == {}
    swept.close()


def test_one_process_sweeps_and_the_others_wait_until_it_ends(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    swept.put({b"a": OVER})
    other = LockFile(tmp_path / "sweep.lock")
    assert other.try_to_acquire()
    asyncio.run(swept.sweep._step())
    assert list(swept.found()) == [b"a"]
    other.close()
    asyncio.run(swept.sweep._step())
    assert swept.found() == {}
    swept.close()


def test_it_sweeps_now_and_then_and_at_once_when_the_store_is_full(tmp_path: Path) -> None:
    swept = Swept(tmp_path, max_keys=100)
    asyncio.run(swept.sweep._step())
    swept.put({b"a": OVER})
    asyncio.run(swept.sweep._step())
    assert list(swept.found()) == [b"a"]
    swept.put({b"%d" % number: OVER for number in range(99)})
    asyncio.run(swept.sweep._step())
    assert swept.found() == {}
    swept.close()


def test_a_sweep_goes_on_for_ever_and_lets_others_sweep_when_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_GLANCE", 0.0)
    monkeypatch.setattr(sweep, "_EVERY", 0.0)
    swept = Swept(tmp_path)

    async def watch() -> None:
        task = asyncio.create_task(swept.sweep.run())
        for _ in range(2):
            await swept.shared.write(lambda transaction: transaction.put(b"a", records.encode(OVER)))
            while await swept.shared.read(lambda transaction: transaction.get(b"a")):
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(watch())
    other = LockFile(tmp_path / "sweep.lock")
    assert other.try_to_acquire()
    other.close()
    swept.close()


def test_trouble_with_the_store_does_not_end_it(tmp_path: Path) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.touch()
    swept = Swept(in_the_way)
    assert asyncio.run(swept.sweep._step()) > 0
    swept.close()


def test_a_broken_file_that_the_sweep_meets_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = Swept(tmp_path)
    swept.put({b"a": OVER})

    def look(transaction: lmdb.Transaction, after: bytes, now: float) -> tuple[None, list[bytes]]:
        raise lmdb.CorruptedError("broken")

    monkeypatch.setattr(sweep, "_look", look)
    with pytest.raises(StoreError) as met:
        asyncio.run(swept.sweep.once())
    assert met.value.trouble is Trouble.BROKEN
    assert swept.moved[0].startswith(str(tmp_path / DATA))
    swept.close()


def test_another_trouble_is_passed_on(tmp_path: Path) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.touch()
    swept = Swept(in_the_way)
    with pytest.raises(StoreError) as met:
        asyncio.run(swept.sweep.once())
    assert met.value.trouble is Trouble.UNREACHABLE
    swept.close()


def test_of_each_counter_a_slice_copies_the_head_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = Swept(tmp_path)
    large = Distinct(MEMBER.pack(member_name("a"), NOW) * 1000, NOW, SPAN, 2000.0)
    swept.put({b"a": large, b"b": OVER})
    copied: list[int] = []
    due = records.due

    def watch(seen: list[tuple[bytes, bytes]], now: float) -> list[bytes]:
        copied.extend(len(value) for _, value in seen)
        return due(seen, now)

    monkeypatch.setattr(records, "due", watch)
    assert list(swept.once()) == [b"a"]
    assert copied == [records.HEAD_OCTETS] * 2
    swept.close()
