import asyncio
import socket
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from relayguard.config import Config, parse
from relayguard.daemon.control import Answer
from relayguard.daemon.doors import Doors
from relayguard.daemon.listeners import ListenError, Listeners
from relayguard.metrics.processes import ProcessMetrics
from relayguard.testing.ports import free_port


async def reload() -> Answer:
    return Answer(ok=True, lines=())


def with_doors(folder: Path, act: Callable[[Doors], Awaitable[None]]) -> None:
    async def opened() -> None:
        doors = Doors(Listeners({}), ProcessMetrics(str(folder), list), lambda: True, str, reload)
        try:
            await act(doors)
        finally:
            doors.close()

    asyncio.run(opened())


def config(folder: Path, name: str, metrics: str = "off") -> Config:
    return parse(f"""
        [listener.default]
        address = "unix:{folder}/{name}.sock"
        [daemon]
        control = "{folder}/{name}.control"
        [metrics]
        address = "{metrics}"
    """)


def there(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def health(address: str) -> bytes:
    with urllib.request.urlopen(f"http://{address}/healthz", timeout=10) as response:
        return bytes(response.read())


def test_a_new_configuration_opens_its_doors_before_the_old_ones_close(tmp_path: Path) -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]

    async def change(doors: Doors) -> None:
        old, new = (config(tmp_path, name, address) for name, address in zip("ab", addresses, strict=True))
        await doors.open(old)
        await doors.open(new)
        assert there(tmp_path) == {"a.sock", "a.control", "b.sock", "b.control"}
        assert [await asyncio.to_thread(health, address) for address in addresses] == [b"ok\n", b"ok\n"]
        await doors.keep(new)
        assert there(tmp_path) == {"b.sock", "b.control"}
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(addresses[0].rpartition(":")[2]))) != 0

    with_doors(tmp_path, change)
    assert there(tmp_path) == set()


def test_doors_that_stay_the_same_stay_open(tmp_path: Path) -> None:
    async def change(doors: Doors) -> None:
        same = config(tmp_path, "a", f"127.0.0.1:{free_port()}")
        await doors.open(same)
        inode = (tmp_path / "a.control").stat().st_ino
        await doors.open(same)
        await doors.keep(same)
        assert (tmp_path / "a.control").stat().st_ino == inode

    with_doors(tmp_path, change)


def test_a_port_for_metrics_that_is_taken_is_named(tmp_path: Path) -> None:
    async def clash(doors: Doors) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ListenError, match=f"cannot serve metrics on {address}: Address already in use"):
                await doors.open(config(tmp_path, "a", address))

    with_doors(tmp_path, clash)
    assert there(tmp_path) == set()
