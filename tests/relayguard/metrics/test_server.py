import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from relayguard.metrics.server import BoundedServer
from tests.relayguard.daemon.conftest import until

MOST = 3


class Handler(BaseHTTPRequestHandler):
    timeout = 30
    go_on = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.go_on.wait(30)
        if self.path == "/wrong":
            raise RuntimeError("a mistake of ours")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here\n" * (2_000_000 if self.path == "/long" else 1))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the name is the base class's
        pass


@contextmanager
def served(patience: float = 30.0, host: str = "127.0.0.1") -> Iterator[BoundedServer]:
    server = BoundedServer((host, 0), Handler, MOST, patience)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def get(server: BoundedServer, path: str = "/", host: str = "127.0.0.1") -> int:
    try:
        with urllib.request.urlopen(f"http://{host}:{server.server_port}{path}", timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def connected(server: BoundedServer, stack: ExitStack, said: bytes = b"") -> socket.socket:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), 30))
    client.sendall(said)
    return client


def threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX-Slow: ", b"GET /long HTTP/1.0\r\n\r\n"],
    ids=["silent", "in its request", "in a header", "reading"],
)
def test_clients_that_take_their_time_hold_up_no_one_and_are_never_many(said: bytes) -> None:
    with served() as server, ExitStack() as stack:
        for _ in range(10 * MOST):
            connected(server, stack, said)
        assert get(server) == 200
        until(lambda: threads() <= MOST)


def test_who_has_waited_longest_makes_room() -> None:
    with served() as server, ExitStack() as stack:
        first, *others = [connected(server, stack) for _ in range(MOST)]
        until(lambda: threads() == MOST)
        assert get(server) == 200
        assert first.recv(100) == b""
        for other in others:
            other.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.0 200")


def test_while_all_answers_are_still_being_made_one_more_client_is_told_to_come_back() -> None:
    Handler.go_on.clear()
    with served(patience=0.01) as server, ExitStack() as stack:
        for _ in range(MOST):
            connected(server, stack, b"GET /slow HTTP/1.0\r\n\r\n")
        until(lambda: threads() == MOST)
        assert get(server) == 503
        Handler.go_on.set()
        until(lambda: threads() == 0)
        assert get(server) == 200


def test_a_client_that_has_gone_is_no_news_and_a_mistake_of_ours_is(capfd: pytest.CaptureFixture[str]) -> None:
    with served() as server:
        with ExitStack() as stack:
            connected(server, stack, b"GET /long HTTP/1.0\r\n\r\n").recv(1)
        until(lambda: threads() == 0)
        assert capfd.readouterr() == ("", "")
        with pytest.raises(OSError, match="closed connection"):
            get(server, "/wrong")
        until(lambda: threads() == 0)
        assert "a mistake of ours" in capfd.readouterr().err


def test_it_is_served_over_ipv6_as_well() -> None:
    with served(host="::1") as server:
        assert get(server, host="[::1]") == 200
