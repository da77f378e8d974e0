"""A real Redis server on loopback, private to a test."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from relayguard.testing.certificate import write_self_signed
from relayguard.testing.ports import free_port

_PROGRAMS = ("redis-server", "valkey-server")

_SECONDS = 20.0


class RedisServerError(Exception):
    """The server did not start; the message holds what it logged."""


def redis_program() -> str | None:
    """Return the path of the Redis or Valkey server that is installed, if one is."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


@dataclass
class PrivateRedis:
    """A server whose files are in `directory`; a context manager.

    It listens on 127.0.0.1, with TLS if `tls`: then `certificate` is what to trust, and the name is ``localhost``. It
    listens on a unix socket besides. `options` are lines of its configuration. It keeps nothing over a restart.
    """

    directory: Path
    password: str = ""
    tls: bool = False
    options: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens over TCP."""
        return f"rediss://localhost:{self.port}" if self.tls else f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self) -> str:
        """Where it listens on a unix socket."""
        return f"unix://{self._socket}"

    @property
    def certificate(self) -> Path:
        """The file that a client has to trust."""
        return self.directory / "redis.crt"

    @property
    def _socket(self) -> Path:
        return self.directory / "redis.sock"

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        if self.tls:
            write_self_signed("localhost", self.certificate, self.directory / "redis.key")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, for the first time or again on the same port, and wait until it answers."""
        program = redis_program()
        if program is None:
            raise RedisServerError(f"none of {', '.join(_PROGRAMS)} is installed")
        config = self.directory / "redis.conf"
        config.touch(mode=0o600)
        config.write_text("\n".join(self._config()) + "\n")
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        try:
            self._await_start(self.process)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, as a crash would; what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=_SECONDS)

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """Keep it from answering, though it still takes connections."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def run(self, *command: str | bytes) -> bytes:
        """Give it a command, and return the beginning of what it says to that, as the protocol writes it."""
        words = [word.encode() if isinstance(word, str) else word for word in command]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_SECONDS)
            client.connect(str(self._socket))
            if self.password:
                client.sendall(_packed([b"AUTH", self.password.encode()]))
                client.recv(1024)
            client.sendall(_packed(words))
            return client.recv(65536)

    def _config(self) -> Iterator[str]:
        yield "bind 127.0.0.1"
        yield f"port {0 if self.tls else self.port}"
        yield f"unixsocket {self._socket}"
        yield f"dir {self.directory}"
        yield 'save ""'
        if self.password:
            yield f'requirepass "{self.password}"'
        if self.tls:
            yield f"tls-port {self.port}"
            yield f"tls-cert-file {self.certificate}"
            yield f"tls-key-file {self.directory / 'redis.key'}"
            yield "tls-auth-clients no"
        yield from self.options

    def _await_start(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.run("PING").startswith(b"+PONG"):
                    return
            time.sleep(0.02)
        log = (self.directory / "redis.log").read_text(errors="replace")[-2000:]
        raise RedisServerError(f"the server did not start:\n{log}")


def _packed(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
