"""A real cluster of two nodes on loopback, of which one holds all counters."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from relayguard.testing.ports import free_port
from relayguard.testing.redis import PrivateRedis, redis_program

_KEY = "{relayguard}"
_BUS = 10_000
"""Nodes talk to each other on the port that is so much higher."""
_SECONDS = 30.0


@dataclass
class Cluster:
    """`outsider` holds nothing at first, `holder` everything."""

    outsider: PrivateRedis
    holder: PrivateRedis

    def begin_move(self, source: PrivateRedis, target: PrivateRedis) -> None:
        """Declare that the counters move; none has moved so far."""
        _told(target, "CLUSTER", "SETSLOT", _slot(source), "IMPORTING", _id(source))
        _told(source, "CLUSTER", "SETSLOT", _slot(source), "MIGRATING", _id(target))

    def move_keys(self, source: PrivateRedis, target: PrivateRedis) -> None:
        """Move the counters that there are."""
        while keys := _bulks(source.run("CLUSTER", "GETKEYSINSLOT", _slot(source), "100")):
            _told(source, "MIGRATE", "127.0.0.1", str(target.port), "", "0", "20000", "KEYS", *keys)

    def end_move(self, source: PrivateRedis, target: PrivateRedis) -> None:
        """Declare that all have moved."""
        for node in (target, source):
            _told(node, "CLUSTER", "SETSLOT", _slot(source), "NODE", _id(target))
        # What one still believes of the time before would undo the next move.
        _await(lambda: _epoch(source) == _epoch(target), target)

    def move(self, source: PrivateRedis, target: PrivateRedis) -> None:
        """Move them all."""
        self.begin_move(source, target)
        self.move_keys(source, target)
        self.end_move(source, target)


@contextlib.contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """Run one."""
    skip_without_server()
    with _node(directory / "outsider") as outsider, _node(directory / "holder") as holder:
        yield joined(outsider, holder)


@contextlib.contextmanager
def tls_cluster(directory: Path, password: str) -> Iterator[Cluster]:
    """Run one whose nodes share a certificate and do not know their own host."""
    skip_without_server()
    secured = (
        "tls-cluster yes",
        f"tls-ca-cert-file {directory / 'outsider' / 'redis.crt'}",
        f"tls-cert-file {directory / 'outsider' / 'redis.crt'}",
        f"tls-key-file {directory / 'outsider' / 'redis.key'}",
    )
    with (
        _node(directory / "outsider", *secured, password=password, tls=True) as outsider,
        _node(directory / "holder", *secured, password=password, tls=True) as holder,
    ):
        for node in (outsider, holder):
            if not node.run("CONFIG", "SET", "cluster-preferred-endpoint-type", "unknown-endpoint").startswith(b"+"):
                pytest.skip("this server always names a host")
        yield joined(outsider, holder)


def skip_without_server() -> None:
    if redis_program() is None:
        pytest.skip("no redis-server is installed")


def joined(outsider: PrivateRedis, holder: PrivateRedis) -> Cluster:
    """Make a cluster of both, and wait until it answers."""
    # One that loses its last slot would become a replica of the other.
    _told(outsider, "CLUSTER", "ADDSLOTS", "0")
    _told(holder, "CLUSTER", "ADDSLOTS", *map(str, range(1, 16384)))
    _told(outsider, "CLUSTER", "MEET", "127.0.0.1", str(holder.port))
    _await(
        lambda: outsider.run("GET", _KEY).startswith(b"-MOVED") and holder.run("GET", _KEY).startswith(b"$-1"),
        outsider,
    )
    return Cluster(outsider, holder)


def _node(directory: Path, *options: str, password: str = "", tls: bool = False) -> PrivateRedis:
    return PrivateRedis(directory, password, tls, ("cluster-enabled yes", *options), port=_port())


def _port() -> int:
    while True:
        port = free_port()
        if port + _BUS < 65536 and free_port(port + _BUS) == port + _BUS:
            return port


def _told(node: PrivateRedis, *command: str | bytes) -> None:
    answer = node.run(*command)
    assert answer.startswith(b"+"), answer


def _await(reached: Callable[[], bool], node: PrivateRedis) -> None:
    deadline = time.monotonic() + _SECONDS
    while not reached():
        assert time.monotonic() < deadline, node.run("CLUSTER", "INFO")
        time.sleep(0.02)


def _epoch(node: PrivateRedis) -> bytes:
    return next(line for line in node.run("CLUSTER", "INFO").split() if line.startswith(b"cluster_current_epoch:"))


def _id(node: PrivateRedis) -> bytes:
    return node.run("CLUSTER", "MYID").split(b"\r\n")[1]


def _slot(node: PrivateRedis) -> bytes:
    return node.run("CLUSTER", "KEYSLOT", _KEY)[1:].strip()


def _bulks(answer: bytes) -> list[bytes]:
    # Lines of a length and of a key in turn, after that of their number.
    return answer.split(b"\r\n")[2::2]
