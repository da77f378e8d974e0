import grp
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard.config import Listener
from relayguard.daemon.listeners import ListenError, Listeners, open_listener
from relayguard.testing.daemon import connect
from relayguard.testing.ports import free_port
from tests.conftest import needs_root


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    listeners = Listeners({})
    yield listeners
    listeners.keep(())


def on(path: Path, mode: str = "0660", group: str | None = None) -> Listener:
    return Listener(address=f"unix:{path}", mode=mode, group=group)


def test_a_unix_socket_has_the_mode_that_was_asked_for_and_goes_with_its_listener(
    tmp_path: Path, listeners: Listeners
) -> None:
    path = tmp_path / "milter.sock"
    listeners.open([on(path)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    listeners.keep(())
    assert not path.exists()


@needs_root
def test_a_unix_socket_belongs_to_the_group_that_was_asked_for(tmp_path: Path, listeners: Listeners) -> None:
    listeners.open([on(tmp_path / "milter.sock", group="mail")])
    assert (tmp_path / "milter.sock").stat().st_gid == grp.getgrnam("mail").gr_gid


def test_a_group_that_does_not_exist_is_named_and_leaves_no_socket_behind(
    tmp_path: Path, listeners: Listeners
) -> None:
    with pytest.raises(ListenError, match="there is no group 'nobodys'"):
        listeners.open([on(tmp_path / "milter.sock", group="nobodys")])
    assert not (tmp_path / "milter.sock").exists()


def test_a_socket_that_is_wanted_further_stays_open_and_gets_its_new_mode(
    tmp_path: Path, listeners: Listeners
) -> None:
    first = on(tmp_path / "a.sock")
    listeners.open([first, on(tmp_path / "b.sock")])
    opened = listeners[first.address]
    changed = on(tmp_path / "a.sock", mode="0600")
    listeners.open([changed])
    listeners.keep([changed])
    assert listeners[first.address] is opened
    assert stat.S_IMODE((tmp_path / "a.sock").stat().st_mode) == 0o600
    assert not (tmp_path / "b.sock").exists()


def test_when_one_socket_cannot_be_opened_none_of_the_new_ones_stays(tmp_path: Path, listeners: Listeners) -> None:
    old = on(tmp_path / "old.sock")
    listeners.open([old])
    with pytest.raises(ListenError, match="No such file"):
        listeners.open([on(tmp_path / "new.sock"), on(tmp_path / "missing" / "milter.sock")])
    assert [path.name for path in tmp_path.iterdir()] == ["old.sock"]
    connect(old.address).close()


def test_who_connects_to_a_socket_that_was_closed_is_refused_at_once(tmp_path: Path, listeners: Listeners) -> None:
    listener = on(tmp_path / "milter.sock")
    listeners.open([listener])
    # A worker's copy, as libmilter's poll holds it.
    copy = listeners[listener.address].dup()
    listeners.keep(())
    with pytest.raises(OSError, match="No such file"):
        connect(listener.address)
    copy.close()


def test_a_socket_of_systemd_is_neither_shut_down_nor_closed(tmp_path: Path) -> None:
    path = tmp_path / "milter.sock"
    given = open_listener(on(path))
    listeners = Listeners({"milter": given})
    listener = Listener(address="systemd:milter")
    listeners.open([listener])
    assert listeners[listener.address] is given
    assert listeners.unused([]) == ["systemd:milter"]
    listeners.keep(())
    with connect(f"unix:{path}"):
        given.accept()[0].close()
    given.close()


def test_a_socket_that_systemd_has_not_passed_is_named(listeners: Listeners) -> None:
    with pytest.raises(ListenError, match=r"systemd:milter: systemd has passed no such socket \(it passed: none\)"):
        listeners.open([Listener(address="systemd:milter")])


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    listener = on(tmp_path / "milter.sock")
    open_listener(listener).close()
    opened = open_listener(listener)
    connect(listener.address).close()
    opened.close()


def test_a_socket_that_somebody_serves_is_left_alone(tmp_path: Path) -> None:
    listener = on(tmp_path / "milter.sock")
    first = open_listener(listener)
    with pytest.raises(ListenError, match="another process is serving there"):
        open_listener(listener)
    first.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "milter.sock").write_text("precious")
    with pytest.raises(ListenError, match="it exists and is no socket"):
        open_listener(on(tmp_path / "milter.sock"))
    assert (tmp_path / "milter.sock").read_text() == "precious"


def test_small_replies_over_tcp_do_not_wait_for_an_acknowledgement() -> None:
    opened = open_listener(Listener(address=f"inet:127.0.0.1:{free_port()}"))
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    opened.close()
