from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard.testing.redis import PrivateRedis, redis_program


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateRedis]:
    if redis_program() is None:
        pytest.skip("no redis-server is installed")
    with PrivateRedis(tmp_path) as running:
        yield running
