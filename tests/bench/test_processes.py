import os
import subprocess

from bench.processes import cpu_seconds, pss, rss_of_each, tree


def test_a_tree_holds_the_processes_that_were_started() -> None:
    with subprocess.Popen(["/bin/sleep", "30"]) as child:
        assert child.pid in set(tree(os.getpid()))
        child.kill()


def test_cost_and_memory_are_those_of_living_processes() -> None:
    assert cpu_seconds(os.getpid()) > 0
    assert rss_of_each(os.getpid())[0] > 1
    assert pss(os.getpid()) > 1


def test_what_has_ended_costs_nothing() -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    assert cpu_seconds(ended.pid) == 0
    assert rss_of_each(ended.pid) == []
