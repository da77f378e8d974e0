"""Which Redis server is meant, and new connections to it."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.credentials import CredentialProvider

from relayguard.stores.backend import StoreError, Trouble

_PORT = 6379


class Node(NamedTuple):
    """Where a node of a cluster listens."""

    host: str
    port: int


class RedisServer:
    """The server that a URL names.

    ``redis://[user@]host[:port][/db]``, the same with ``rediss`` for TLS, or ``unix://[user@]/path[?db=1]``. The password
    stands in `password_file`, which is read for each connection, so that it may be changed at any time. TLS trusts
    what `ca_file` holds and nothing else; without it, what the system trusts. Raises ValueError for what cannot be meant.
    """

    def __init__(self, url: str, password_file: Path | None = None, ca_file: Path | None = None) -> None:
        # No message repeats the URL, or a part of it: it may hold a password, though it must not.
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("the URL of a Redis server cannot be read, or its port is no number") from None
        if parts.password is not None:
            raise ValueError("the URL of a Redis server holds no password: it belongs into a file")
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("the URL of a Redis server begins with redis://, rediss:// or unix://")
        if ca_file is not None and parts.scheme != "rediss":
            raise ValueError("only the URL of a Redis server that begins with rediss:// has use for a CA file")
        self._tls = parts.scheme == "rediss"
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None
        self._path = unquote(parts.path) if parts.scheme == "unix" else ""
        self._host = parts.hostname or ""
        self._port = port or _PORT
        if not (self._path or self._host):
            raise ValueError("the URL of a Redis server names a host or a socket")
        self._db = _database(parts.query, "" if self._path else parts.path.removeprefix("/"))
        user = unquote(parts.username or "")
        self._login = _Login(user, password_file) if user or password_file else None

    @property
    def host(self) -> str:
        """The host that the URL names, nothing for a unix socket."""
        return self._host if not self._path else ""

    def connection(self, node: Node | None = None) -> AbstractConnection:
        """Return a new connection; it is opened when something is sent. Waiting is bounded by who uses it.

        It goes to `node` if one is given, with the login and the trust that are meant for the URL's.
        """
        if self._path:
            return UnixDomainSocketConnection(
                path=self._path, db=self._db, credential_provider=self._login, protocol=2, socket_timeout=None
            )
        kind = SSLConnection if self._tls else Connection
        host, port = node or (self._host, self._port)
        made = kind(
            host=host,
            port=port,
            db=self._db,
            credential_provider=self._login,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        if isinstance(made, SSLConnection):
            made.ssl_context.context = self._trust()
        return made

    def _trust(self) -> ssl.SSLContext:
        # The library's own would trust the system's authorities besides, and read them for each connection.
        if self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self._ca_file)
            except OSError as error:
                raise StoreError(Trouble.UNREACHABLE, f"the CA file cannot be used: {error.strerror}") from None
        return self._context


class _Login(CredentialProvider):
    """Reads the password anew for each connection."""

    def __init__(self, user: str, password_file: Path | None) -> None:
        self._user = user
        self._password_file = password_file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._password()
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()

    def _password(self) -> str:
        if self._password_file is None:
            return ""
        try:
            return self._password_file.read_text("utf-8").rstrip("\r\n")
        except OSError as error:
            raise StoreError(Trouble.UNREACHABLE, f"the password file cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise StoreError(Trouble.UNREACHABLE, "the password file is not in UTF-8") from None


def _database(query: str, path: str) -> int:
    asked: Mapping[str, list[str]] = parse_qs(query, keep_blank_values=True)
    if asked.keys() - {"db"}:
        raise ValueError("the URL of a Redis server asks for nothing but db")
    number = asked["db"][-1] if asked else path or "0"
    if not (number.isascii() and number.isdigit()):
        raise ValueError("the database of a Redis server is a number")
    return int(number)
