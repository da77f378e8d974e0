from pathlib import Path

from bench.corpus import ROUNDS, UNKNOWN
from bench.peers import MANY_WORKERS, OURS, PYTHON_STACK, RELAYGUARD, SUBJECTS
from bench.resolver import DnsServer
from bench.running import Running
from bench.turns import AT, CELLS, Turns


def taking_part(cell: tuple[str, int], turn: int) -> set[str]:
    running = [Running(subject, Path("/run/bench")) for subject in SUBJECTS.values()]
    turns = Turns(running, DnsServer(Path("/run/bench")), ROUNDS, 1.0)
    return {each.subject.name for each in turns._taking_part(cell, turn)}


def test_more_workers_are_measured_where_their_throughput_counts() -> None:
    assert taking_part(("10K", 10), 1) == set(SUBJECTS)
    assert taking_part(("1M", 10), 1) == set(SUBJECTS) - MANY_WORKERS


def test_who_is_several_times_dearer_has_fewer_rounds() -> None:
    assert PYTHON_STACK in taking_part(("2K", 10), 2)
    assert PYTHON_STACK not in taking_part(("2K", 10), ROUNDS)


def test_every_load_that_a_target_names_has_all_rounds() -> None:
    last = {cell for cell in CELLS if RELAYGUARD in taking_part(cell, ROUNDS)}
    assert last >= {("2K", 10), ("10K", 10), ("75K", 10), ("1M", 10), ("10K", 50)}
    assert last != set(CELLS)


def test_each_round_has_unknown_names_of_its_own() -> None:
    for turn in range(1, ROUNDS + 1):
        assert {f"cold-{turn}", f"late-signed-{turn}", f"late-unsigned-{turn}"} <= UNKNOWN.keys()
        assert {f"slow-{at}-{turn}" for at in AT} <= UNKNOWN.keys()


def test_ours_are_told_from_the_peers() -> None:
    assert {name for name in SUBJECTS if name.startswith("relayguard")} == OURS
