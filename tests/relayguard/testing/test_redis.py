import socket
import ssl
from pathlib import Path

import pytest

from relayguard.testing.ports import listens
from relayguard.testing.redis import PrivateRedis, RedisServerError, redis_program

pytestmark = pytest.mark.skipif(redis_program() is None, reason="no redis-server is installed")


def test_it_listens_on_loopback_and_a_socket_and_is_gone_afterwards(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path) as server:
        assert listens(server.port)
        assert server.run("SET", "key", b"\xff\0") == b"+OK\r\n"
        assert server.run("GET", "key") == b"$2\r\n\xff\0\r\n"
    assert not listens(server.port)


def test_it_may_be_killed_and_started_again_on_the_same_port_and_holds_nothing_then(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path) as server:
        port = server.port
        server.run("SET", "key", "value")
        server.kill()
        assert not listens(port)
        server.start()
        assert server.port == port
        assert server.run("GET", "key") == b"$-1\r\n"


def test_while_it_hangs_it_takes_connections_and_says_nothing(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path) as server:
        with server.hung(), socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"PING\r\n")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(10)
        assert server.run("PING") == b"+PONG\r\n"


def test_it_may_ask_for_tls_and_a_password(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path, password="secret", tls=True) as server:
        trust = ssl.create_default_context(cafile=server.certificate)
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"PING\r\n")
            assert client.recv(100).startswith(b"-NOAUTH")
        assert server.run("PING") == b"+PONG\r\n"
    assert server.url == f"rediss://localhost:{server.port}"


def test_what_it_logged_is_told_if_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(RedisServerError, match="nosuchoption"), PrivateRedis(tmp_path, options=("nosuchoption yes",)):
        pass
