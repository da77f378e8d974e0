import socket
import stat
from pathlib import Path

import pytest

from relayguard.config import Listener
from relayguard.daemon.listeners import ListenError, close_listener, open_listener
from relayguard.testing.daemon import connect
from relayguard.testing.ports import free_port


def test_a_unix_socket_has_the_mode_that_was_asked_for_and_goes_with_its_listener(tmp_path: Path) -> None:
    path = tmp_path / "milter.sock"
    listener = Listener(address=f"unix:{path}", mode="0660")
    opened = open_listener(listener)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    close_listener(listener, opened)
    assert not path.exists()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    listener = Listener(address=f"unix:{tmp_path}/milter.sock")
    open_listener(listener).close()
    opened = open_listener(listener)
    connect(listener.address).close()
    opened.close()


def test_a_socket_that_somebody_serves_is_left_alone(tmp_path: Path) -> None:
    listener = Listener(address=f"unix:{tmp_path}/milter.sock")
    first = open_listener(listener)
    with pytest.raises(ListenError, match="another process is serving there"):
        open_listener(listener)
    first.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "milter.sock").write_text("precious")
    with pytest.raises(ListenError, match="it exists and is no socket"):
        open_listener(Listener(address=f"unix:{tmp_path}/milter.sock"))
    assert (tmp_path / "milter.sock").read_text() == "precious"


def test_small_replies_over_tcp_do_not_wait_for_an_acknowledgement() -> None:
    opened = open_listener(Listener(address=f"inet:127.0.0.1:{free_port()}"))
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    opened.close()
