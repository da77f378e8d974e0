import asyncio
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from relayguard.daemon.control import Answer, Control, ControlError, ask
from relayguard.daemon.listeners import ListenError

DONE = Answer(ok=True, lines=("generation 2 serves",))


async def reload() -> Answer:
    return DONE


def while_open(path: Path, act: Callable[[], Answer]) -> Answer:
    """Run `act` in a thread while the daemon's side is open."""

    async def both() -> Answer:
        control = Control(path, reload)
        await control.open()
        try:
            return await asyncio.to_thread(act)
        finally:
            control.close()

    return asyncio.run(both())


def test_who_asks_for_a_reload_is_told_what_came_of_it(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    assert while_open(path, lambda: ask(path, "reload", 10)) == DONE
    assert not path.exists()


def test_an_unknown_request_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    assert while_open(path, lambda: ask(path, "format c:", 10)) == Answer(ok=False, lines=("unknown request",))


def test_only_the_daemons_own_user_can_ask(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    def look() -> Answer:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return DONE

    while_open(path, look)


def test_who_asks_and_hangs_up_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    def leave_and_ask() -> Answer:
        for said in (b"", b"reload\n", b"x" * 100_000):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.send(said)
        return ask(path, "reload", 10)

    assert while_open(path, leave_and_ask) == DONE


def test_where_no_daemon_is_the_error_says_what_to_look_for(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"No such file or directory; is it running, and are you its user\?"):
        ask(tmp_path / "control.sock", "reload", 10)


def test_a_socket_left_behind_by_a_dead_daemon_is_replaced_but_not_that_of_a_living_one(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()

    async def second_daemon() -> None:
        with pytest.raises(ListenError, match="another process is serving there"):
            await Control(path, reload).open()

    def start_another() -> Answer:
        asyncio.run(second_daemon())
        return ask(path, "reload", 10)

    assert while_open(path, start_another) == DONE


def test_a_folder_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    async def open_there() -> None:
        await Control(tmp_path / "missing" / "control.sock", reload).open()

    with pytest.raises(ListenError, match=r"control\.sock: No such file .*set daemon\.control to another path"):
        asyncio.run(open_there())
