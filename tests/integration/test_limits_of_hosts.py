"""Limits that several hosts share through a real Redis, which may come and go."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon, sample
from relayguard.testing.redis import PrivateRedis
from tests.conftest import Serve, configuration, needs_root, open_folder
from tests.integration.hot import CLIENTS, EACH, RULE, admitted, until
from tests.integration.networks import inside, star


@pytest.fixture
def redis() -> Iterator[PrivateRedis]:
    with open_folder() as folder, PrivateRedis(folder / "redis") as server:
        yield server


def store(url: str, folder: Path, hosts: int = 1, timeout: float = 2.0) -> str:
    return (
        f'[store]\nkind = "redis"\nurl = "{url}"\nfolder = "{folder}/limits"\nhosts = {hosts}\ntimeout = {timeout}\n'
    )


def test_four_workers_admit_exactly_what_the_limit_says(serve: Serve, redis: PrivateRedis, tmp_path: Path) -> None:
    served = serve('"ratelimit"', extra=store(redis.url, tmp_path), tables=RULE, workers=4)
    assert admitted(served.address) == 100
    counted = served.metrics()
    assert sample(counted, "relayguard_store_operations_total", store="redis", outcome="ok") == CLIENTS * EACH
    assert sample(counted, "relayguard_store_operations_total", store="lmdb") == 0


@needs_root
def test_two_hosts_that_share_a_server_admit_exactly_what_the_limit_says_together() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        centre, leaves = stack.enter_context(star(2))
        bound = " ".join(near for _, near in leaves)
        server = PrivateRedis(folder / "redis", options=(f"bind {bound}", "protected-mode no"))
        with inside(centre):
            stack.enter_context(server)
        addresses = []
        for number, (leaf, near) in enumerate(leaves):
            directory = folder / f"host{number}"
            address = f"unix:{directory}/milter.sock"
            extra = store(f"redis://{near}:{server.port}", directory, hosts=2)
            text = configuration(address, 53, "off", '"ratelimit"', extra, workers=2) + RULE
            with inside(leaf):
                stack.enter_context(Daemon(directory, text))
            addresses.append(address)
        assert admitted(*addresses) == 100


def test_while_the_server_is_dead_or_hung_mail_flows_and_each_host_counts_its_part(
    serve: Serve, redis: PrivateRedis, tmp_path: Path
) -> None:
    extra = store(redis.url, tmp_path, hosts=2, timeout=0.05)
    served = serve('"ratelimit"', extra=extra, tables=RULE)
    redis.kill()
    # Half of the limit, for there are two hosts.
    assert admitted(served.address) == 50
    assert sample(served.metrics(), "relayguard_store_fallback_active", store="redis") == 1
    assert served.daemon.events("store does not answer, limits are counted elsewhere")
    redis.start()
    until(lambda: admitted(served.address, clients=1, each=1) == 1)
    assert sample(served.metrics(), "relayguard_store_fallback_active", store="redis") == 0
    with redis.hung():
        # What this host counted by itself before is not forgotten.
        assert admitted(served.address, clients=2) < CLIENTS
        counted = served.metrics()
        assert sample(counted, "relayguard_store_operations_total", store="redis", outcome="timeout") > 0

    def asked_again() -> bool:
        admitted(served.address, clients=1, each=1)
        return sample(served.metrics(), "relayguard_store_fallback_active", store="redis") == 0

    until(asked_again)
    assert len(served.daemon.await_events("store answers again", 2)) == 2
