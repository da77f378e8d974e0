from pathlib import Path

import pytest
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection

from relayguard.stores.redis.server import Node, RedisServer


@pytest.mark.parametrize(
    ("url", "host", "port", "db"),
    [
        ("redis://cache.example", "cache.example", 6379, 0),
        ("redis://cache.example:7000/3", "cache.example", 7000, 3),
        ("redis://mail@[2001:db8::1]:7000/?db=2", "2001:db8::1", 7000, 2),
        ("rediss://cache.example", "cache.example", 6379, 0),
    ],
)
def test_a_url_names_host_port_and_database(url: str, host: str, port: int, db: int) -> None:
    connection = RedisServer(url).connection()
    assert isinstance(connection, Connection)
    assert (connection.host, connection.port, connection.db) == (host, port, db)
    assert isinstance(connection, SSLConnection) is url.startswith("rediss")


def test_a_url_may_name_a_unix_socket_and_a_database() -> None:
    connection = RedisServer("unix:///run/red%20is.sock?db=4").connection()
    assert isinstance(connection, UnixDomainSocketConnection)
    assert (connection.path, connection.db) == ("/run/red is.sock", 4)


def test_a_connection_to_another_node_differs_in_host_and_port_alone() -> None:
    server = RedisServer("rediss://mail@cache.example:7000/3")
    home, away = server.connection(), server.connection(Node("2001:db8::2", 7001))
    assert isinstance(home, SSLConnection)
    assert isinstance(away, SSLConnection)
    assert (away.host, away.port, away.db) == ("2001:db8::2", 7001, 3)
    assert away.credential_provider is home.credential_provider
    assert away.ssl_context.get() is home.ssl_context.get()


def test_a_unix_socket_has_no_host() -> None:
    assert not RedisServer("unix:///run/redis.sock").host
    assert RedisServer("redis://cache.example").host == "cache.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cache.example",
        "http://cache.example",
        "redis://",
        "unix://",
        "redis://cache.example/x",
        "redis://cache.example/-1",
        "redis://cache.example/0/1",
        "redis://cache.example:port",
        "redis://cache.example?ssl_cert_reqs=none",
        "redis://mail:secret@cache.example",
        "redis://:secret@cache.example:port",
        "redis://mail:secret/more@cache.example",
        "redis://mail:secret@cache\u2100.example",
        "unix://:secret@/run/redis.sock",
    ],
)
def test_what_cannot_be_meant_is_refused_and_no_password_told(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        RedisServer(url)
    assert "secret" not in str(raised.value)


def test_a_ca_file_is_for_tls_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CA file"):
        RedisServer("redis://cache.example", ca_file=tmp_path / "ca.crt")


def test_several_connections_share_what_is_trusted() -> None:
    server = RedisServer("rediss://cache.example")
    first, second = server.connection(), server.connection()
    assert isinstance(first, SSLConnection)
    assert isinstance(second, SSLConnection)
    assert first.ssl_context.get() is second.ssl_context.get()
