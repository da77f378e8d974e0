"""Counters that real processes share in a real file: exact, and there for the others whatever becomes of one."""

import asyncio
import ctypes
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard.core.limits import Algorithm, Charge, Limit, Standing
from relayguard.stores.backend import Entry, StoreError, Trouble
from relayguard.stores.lmdb import sweep, walk
from relayguard.stores.lmdb.backend import LmdbBackend
from relayguard.stores.lmdb.environment import DATA
from relayguard.stores.memory import MemoryBackend

HUNDRED = Limit("hundred", Algorithm.WINDOW, 100, 3600)
BURST = Limit("burst", Algorithm.RATE, 60, 60, burst=10)
FEW = Limit("few", Algorithm.DISTINCT, 3, 60)

NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def take(backend: LmdbBackend | MemoryBackend, *charges: Charge) -> Sequence[Standing]:
    return asyncio.run(backend.take(charges))


def entries(backend: LmdbBackend | MemoryBackend) -> list[Entry]:
    async def collect() -> list[Entry]:
        return [entry async for entry in backend.entries()]

    return asyncio.run(collect())


def close(backend: LmdbBackend) -> None:
    asyncio.run(backend.close())


def refusal(backend: LmdbBackend, *charges: Charge) -> Trouble:
    with pytest.raises(StoreError) as refused:
        take(backend, *charges)
    return refused.value.trouble


class Opened:
    """Opens stores, and closes them when the test is over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.moved: list[str] = []
        self._opened: list[LmdbBackend] = []

    def __call__(self, max_keys: int = 1000, timeout: float = 30.0, folder: Path | None = None) -> LmdbBackend:
        self._opened.append(
            LmdbBackend(folder or self.folder, max_keys, timeout, self.clock, moved_aside=self.moved.append)
        )
        return self._opened[-1]

    def close(self) -> None:
        for backend in self._opened:
            close(backend)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    stores = Opened(tmp_path / "limits")
    yield stores
    stores.close()


SECONDS = 60
"""No process that a test started is there for longer, whatever goes wrong."""

PROCESS = f"""
import asyncio, os, signal, sys, time
signal.alarm({SECONDS})
from pathlib import Path
from relayguard.core.limits import Algorithm, Charge, Limit
from relayguard.stores.lmdb.backend import LmdbBackend

CHARGE = Charge(Limit("hundred", Algorithm.WINDOW, 100, 3600), "hot")

def backend(now=time.time):
    return LmdbBackend(Path(sys.argv[1]), 1000, 30.0, now)
"""


def process(folder: Path, program: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS + program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(started: "subprocess.Popen[str]") -> str:
    assert started.stdout
    return started.stdout.readline().strip()


MANY_TASKS = """
async def main():
    store = backend()
    sys.stdin.readline()
    taken = await asyncio.gather(*(store.take([CHARGE]) for _ in range(100)))
    print(sum(standing.admitted for standing, in taken), flush=True)
asyncio.run(main())
"""


def test_four_processes_admit_exactly_a_hundred_with_one_hot_key(tmp_path: Path) -> None:
    processes = [process(tmp_path, MANY_TASKS) for _ in range(4)]
    for each in processes:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    admitted = [int(each.communicate(timeout=SECONDS)[0]) for each in processes]
    assert sum(admitted) == 100


INSIDE = """
calls = 0
def now():
    global calls
    calls += 1
    if calls == 2:
        # It is asked within the transaction.
        print("inside", flush=True)
        {what}
    return time.time()

async def main():
    store = backend(now)
    for _ in range(3):
        await store.take([CHARGE])
    print("done", flush=True)
asyncio.run(main())
"""


def test_a_worker_killed_inside_a_transaction_leaves_no_lock_and_nothing_half_done(tmp_path: Path) -> None:
    killed = process(tmp_path, INSIDE.format(what="time.sleep(3600)"))
    assert line_of(killed) == "inside"
    killed.kill()
    killed.communicate(timeout=SECONDS)
    store = LmdbBackend(tmp_path, 1000, 30.0)
    assert take(store, Charge(HUNDRED, "hot"))[0].left == 98
    close(store)


def test_a_worker_that_was_stopped_costs_the_others_their_deadline_and_goes_on_later(tmp_path: Path) -> None:
    stopped = process(tmp_path, INSIDE.format(what="os.kill(os.getpid(), signal.SIGSTOP)"))
    assert line_of(stopped) == "inside"
    os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    store = LmdbBackend(tmp_path, 1000, 0.02)
    for _ in range(2):
        assert refusal(store, Charge(HUNDRED, "hot")) is Trouble.TIMEOUT
    stopped.send_signal(signal.SIGCONT)
    assert line_of(stopped) == "done"
    stopped.communicate(timeout=SECONDS)
    assert take(store, Charge(HUNDRED, "hot"))[0].left == 96
    close(store)


def test_others_have_their_turn_while_a_task_waits_for_a_stopped_worker(tmp_path: Path) -> None:
    stopped = process(tmp_path, INSIDE.format(what="os.kill(os.getpid(), signal.SIGSTOP)"))
    assert line_of(stopped) == "inside"
    os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    store = LmdbBackend(tmp_path, 1000, 30.0)

    async def let_it_go_on() -> None:
        stopped.send_signal(signal.SIGCONT)

    async def both() -> Sequence[Standing]:
        taken, _ = await asyncio.gather(store.take([Charge(HUNDRED, "hot")]), let_it_go_on())
        return taken

    assert asyncio.run(both())[0].admitted
    stopped.communicate(timeout=SECONDS)
    close(store)


def test_counters_survive_a_restart(opened: Opened) -> None:
    first = opened()
    for _ in range(99):
        take(first, Charge(HUNDRED, "a"))
    close(first)
    second = opened()
    assert take(second, Charge(HUNDRED, "a"))[0].admitted
    assert not take(second, Charge(HUNDRED, "a"))[0].admitted


def test_several_charges_are_counted_all_or_not_at_all(opened: Opened) -> None:
    store = opened()
    for member in "abc":
        take(store, Charge(FEW, "key", member=member))
    refused = take(store, Charge(HUNDRED, "key"), Charge(FEW, "key", member="d"))
    assert [standing.admitted for standing in refused] == [True, False]
    assert take(store, Charge(HUNDRED, "key"))[0].left == 99


def test_nothing_is_written_when_nothing_changes(opened: Opened) -> None:
    store = opened()
    take(store, Charge(BURST, "a", cost=10))
    before = (opened.folder / DATA).read_bytes()
    assert not take(store, Charge(BURST, "a", cost=10))[0].admitted
    assert take(store)[:] == []
    assert (opened.folder / DATA).read_bytes() == before


def test_a_store_that_is_full_takes_no_new_keys_and_goes_on_counting_those_it_has(opened: Opened) -> None:
    store = opened(max_keys=10)
    for number in range(10):
        take(store, Charge(HUNDRED, str(number)))
    assert refusal(store, Charge(HUNDRED, "0"), Charge(HUNDRED, "new")) is Trouble.FULL
    assert take(store, Charge(HUNDRED, "0"))[0].left == 98
    assert len(entries(store)) == 10
    # A member more is no key more.
    assert asyncio.run(store.forget("hundred", "9"))
    assert take(store, Charge(FEW, "set", member="a"))[0].left == 2
    assert take(store, Charge(FEW, "set", member="b"))[0].left == 1


def test_a_store_that_is_full_tells_which_charges_it_has_no_room_for_and_counts_none(opened: Opened) -> None:
    store = opened(max_keys=10)
    for number in range(10):
        take(store, Charge(HUNDRED, str(number)))
    with pytest.raises(StoreError) as refused:
        take(store, Charge(HUNDRED, "new"), Charge(HUNDRED, "0"), Charge(BURST, "new"))
    assert refused.value.refused == (0, 2)
    assert take(store, Charge(HUNDRED, "0"))[0].left == 98


def test_one_take_cannot_bring_more_keys_than_there_is_room_for(opened: Opened) -> None:
    store = opened(max_keys=10)
    for number in range(9):
        take(store, Charge(HUNDRED, str(number)))
    assert refusal(store, Charge(HUNDRED, "a"), Charge(HUNDRED, "b")) is Trouble.FULL
    assert take(store, Charge(HUNDRED, "a"))[0].admitted


def test_a_flood_of_very_long_keys_fills_the_file_and_no_more(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relayguard.stores.lmdb.opened._LEAST_BYTES", 5 << 19)
    store = opened(max_keys=3000)

    async def flood() -> None:
        for number in range(3000):
            await store.take([Charge(HUNDRED, f"{number:0500d}")])

    with pytest.raises(StoreError, match="octets in use") as refused:
        asyncio.run(flood())
    assert refused.value.trouble is Trouble.FULL
    assert take(store, Charge(HUNDRED, f"{0:0500d}"))[0].left == 98
    assert asyncio.run(store.forget("hundred", f"{0:0500d}"))


def test_very_long_keys_are_told_apart_shown_and_forgotten(opened: Opened) -> None:
    store = opened()
    long = "long" * 200
    take(store, Charge(HUNDRED, long + "a"))
    take(store, Charge(HUNDRED, long + "b"))
    assert take(store, Charge(HUNDRED, long + "a"))[0].left == 98
    shown = entries(store)
    assert len(shown) == 2
    assert asyncio.run(store.forget("hundred", shown[0].key))
    assert asyncio.run(store.forget("hundred", long + "a")) or asyncio.run(store.forget("hundred", long + "b"))
    assert entries(store) == []


def test_commands_see_what_is_used_in_order_of_the_keys(opened: Opened) -> None:
    store = opened()
    take(store, Charge(HUNDRED, "b", cost=50), Charge(BURST, "a", cost=5), Charge(HUNDRED, "a"))
    close(store)
    expected = [
        Entry("burst", "a", 0.5, NOW + 5),
        Entry("hundred", "a", 0.01, NOW + 3600),
        Entry("hundred", "b", 0.5, NOW + 3600),
    ]
    assert entries(opened()) == expected
    opened.clock.now += 10
    assert [entry.limit for entry in entries(opened())] == ["hundred", "hundred"]


def test_commands_see_more_than_a_slice_while_others_write(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "SLICE", 3)
    store = opened()
    for number in range(10):
        take(store, Charge(HUNDRED, str(number)))

    async def collect() -> list[str]:
        keys = []
        async for entry in store.entries():
            keys.append(entry.key)
            await store.take([Charge(HUNDRED, entry.key)])
        return keys

    assert asyncio.run(collect()) == [str(number) for number in range(10)]


def test_a_command_that_lists_counters_does_not_die_of_a_broken_file(opened: Opened) -> None:
    store = opened(max_keys=3000)

    async def fill() -> None:
        for number in range(3000):
            await store.take([Charge(HUNDRED, f"{number:040d}")])

    asyncio.run(fill())
    close(store)
    with (opened.folder / DATA).open("r+b") as data:
        for page in range(20, 60):
            data.seek(page * 4096)
            data.write(bytes(4096))
    with pytest.raises(StoreError) as failed:
        entries(opened())
    assert failed.value.trouble is Trouble.BROKEN
    assert not opened.moved


def test_commands_find_nothing_and_make_nothing_where_nothing_is(opened: Opened) -> None:
    store = opened()
    assert entries(store) == []
    assert not asyncio.run(store.forget("hundred", "a"))
    assert not opened.folder.exists()


def test_a_command_forgets_a_counter_that_a_worker_goes_on_using(opened: Opened) -> None:
    forget = "print(asyncio.run(backend().forget('hundred', 'hot')), flush=True)"
    store = opened()
    take(store, Charge(HUNDRED, "hot"))
    assert process(opened.folder, forget).communicate(timeout=SECONDS)[0] == "True\n"
    assert take(store, Charge(HUNDRED, "hot"))[0].left == 99
    assert process(opened.folder, forget.replace("hot", "cold")).communicate(timeout=SECONDS)[0] == "False\n"


def test_a_broken_file_is_moved_aside_and_told_of(opened: Opened) -> None:
    store = opened()
    take(store, Charge(HUNDRED, "a"))
    (opened.folder / DATA).write_bytes(b"No database." * 10_000)
    assert take(store, Charge(HUNDRED, "a"))[0].left == 99
    assert len(opened.moved) == 1


def test_a_page_that_is_empty_is_noticed_while_it_is_used(opened: Opened) -> None:
    store = opened()
    for number in range(500):
        take(store, Charge(HUNDRED, str(number)))
    with (opened.folder / DATA).open("r+b") as data:
        size = data.seek(0, os.SEEK_END)
        data.seek(2 * 4096)
        data.write(bytes(size - data.tell()))
    assert refusal(store, Charge(HUNDRED, "a")) is Trouble.BROKEN
    assert take(store, Charge(HUNDRED, "a"))[0].left == 99
    assert len(opened.moved) == 1


def test_a_clock_that_was_set_back_forgives_nothing_and_makes_nobody_wait_longer(opened: Opened) -> None:
    store = opened()
    take(store, Charge(BURST, "a", cost=10), Charge(HUNDRED, "a", cost=100))
    for member in "abc":
        take(store, Charge(FEW, "a", member=member))
    opened.clock.now -= 86_400
    refused = [
        *take(store, Charge(BURST, "a"), Charge(HUNDRED, "a")),
        *take(store, Charge(FEW, "a", member="d")),
    ]
    assert [standing.admitted for standing in refused] == [False, False, False]
    assert refused[0].retry_after <= 10
    assert len(entries(store)) == 3
    opened.clock.now += 7200
    assert take(store, Charge(BURST, "b"))[0].admitted


def test_the_sweep_makes_room_again(opened: Opened) -> None:
    store = opened(max_keys=10)
    for number in range(10):
        take(store, Charge(BURST, str(number)))
    assert refusal(store, Charge(BURST, "new")) is Trouble.FULL
    opened.clock.now += 60

    async def wait_for_room() -> Sequence[Standing]:
        sweeping = asyncio.create_task(store.keep())
        try:
            while True:
                try:
                    return await store.take([Charge(BURST, "new")])
                except StoreError:
                    await asyncio.sleep(0.01)
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    assert asyncio.run(wait_for_room())[0].admitted


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tiny disk")
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tmp_path / "disk"
    folder.mkdir()
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, b"size=512k,mode=0700") != 0:
        pytest.skip(f"no disk can be mounted here: {os.strerror(ctypes.get_errno())}")
    yield folder
    # Lazily: what a failed test left open must not keep it.
    libc.umount2(bytes(folder), 2)


def fill_disk(folder: Path) -> Path:
    rest = folder / "rest"
    with rest.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return rest


def until_refused(store: LmdbBackend, charge: Callable[[int], Charge]) -> Trouble:
    for number in range(100_000):
        try:
            take(store, charge(number))
        except StoreError as error:
            return error.trouble
    pytest.fail("the disk was never full")


def test_a_full_disk_is_an_error_and_all_goes_on_when_there_is_room(tiny_disk: Path, opened: Opened) -> None:
    store = opened(max_keys=100_000, folder=tiny_disk / "limits")
    take(store, Charge(HUNDRED, "a"))
    rest = fill_disk(tiny_disk)
    assert until_refused(store, lambda number: Charge(HUNDRED, str(number))) is Trouble.FULL
    assert entries(store)
    rest.unlink()
    assert take(store, Charge(HUNDRED, "a"))[0].left == 98
    assert take(store, Charge(HUNDRED, "new"))[0].left == 99
    # And until nothing is left at all.
    assert until_refused(store, lambda number: Charge(HUNDRED, f"more{number}")) is Trouble.FULL
    assert not opened.moved


def test_on_a_disk_that_is_full_from_the_beginning_the_store_opens_later(
    tiny_disk: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relayguard.stores.lmdb.shared_file._PATIENCE", 0.0)
    rest = fill_disk(tiny_disk)
    store = opened(folder=tiny_disk / "limits")
    assert refusal(store, Charge(HUNDRED, "a")) is Trouble.FULL
    rest.unlink()
    assert take(store, Charge(HUNDRED, "a"))[0].left == 99
    assert not opened.moved


charges = st.builds(
    Charge,
    st.sampled_from([HUNDRED, BURST, FEW]),
    st.sampled_from(["a", "b"]),
    cost=st.integers(1, 60),
    member=st.sampled_from("abcde"),
    binding=st.booleans(),
)
takes = st.lists(charges, min_size=1, max_size=4, unique_by=lambda charge: (charge.limit.name, charge.key))
steps = st.lists(st.tuples(st.floats(-30, 90), takes), max_size=20)


@given(steps)
@settings(max_examples=25)
def test_it_judges_as_the_store_in_memory_does(sequence: list[tuple[float, list[Charge]]]) -> None:
    clock = Clock()
    with TemporaryDirectory() as folder:
        memory, store = MemoryBackend(now=clock), LmdbBackend(Path(folder), 1000, 30.0, clock)
        for passed, taken in sequence:
            clock.now += passed
            assert take(store, *taken) == take(memory, *taken)
        assert sorted(entries(store)) == sorted(entries(memory))
        close(store)


@pytest.mark.long
def test_a_million_keys_take_less_than_200_megabytes_and_are_swept(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(max_keys=1_000_000)
    chance = random.Random(6)
    numbers = list(range(1_000_000))
    chance.shuffle(numbers)

    async def fill() -> None:
        for number in numbers:
            client = f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64"
            await store.take([Charge(HUNDRED, client)])

    asyncio.run(fill())
    found = (opened.folder / DATA).stat()
    assert max(found.st_size, found.st_blocks * 512) < 200_000_000
    assert refusal(store, Charge(HUNDRED, "one more")) is Trouble.FULL
    monkeypatch.setattr(sweep, "_REST", 0.0)
    opened.clock.now += 7201
    asyncio.run(store._sweep.once())
    assert entries(store) == []
    assert (opened.folder / DATA).stat().st_size < 200_000_000
    assert take(store, Charge(HUNDRED, "one more"))[0].admitted
