import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from relayguard.testing.ports import free_port
from relayguard.top.scrape import NOTHING, ScrapeError, Scraper, parse, url_of
from tests.relayguard.top.answering import Silent, listening
from tests.relayguard.top.conftest import BEFORE


@contextmanager
def serving(content: bytes, status: int = 200, location: str | None = None) -> Iterator[str]:
    class Handler(Silent):
        def do_GET(self) -> None:  # noqa: N802  # the name is the base class's
            self.send_response(status)
            if location is not None:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content if self.path == "/metrics" else b"")

    with listening(Handler) as address:
        yield address


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:9108", "http://127.0.0.1:9108/metrics"),
        ("[::1]:9108", "http://[::1]:9108/metrics"),
        ("http://mx.example.com:9108/", "http://mx.example.com:9108/metrics"),
        ("https://mx.example.com/relayguard/metrics?a=b", "https://mx.example.com/relayguard/metrics?a=b"),
    ],
)
def test_an_address_is_completed_to_that_of_metrics(address: str, url: str) -> None:
    assert url_of(address) == url


@pytest.mark.parametrize(
    "address", ["", ":9108", "mx", "mx:port", "mx:0", "file:///etc/passwd", "[::1:9108", "mx:99999"]
)
def test_what_can_be_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # some of the messages are the library's
        url_of(address)


def test_values_are_found_by_name_and_labels_however_these_are_written() -> None:
    scrape = parse('a_total{x="1",y="a\\"\\n,}"} 5\na_total{y="2",x="1"} 6 1700000000\nb 1e3\n', 1, 2)
    assert scrape.of("a_total") == {
        frozenset({("x", "1"), ("y", 'a"\n,}')}): 5,
        frozenset({("x", "1"), ("y", "2")}): 6,
    }
    assert scrape.of("b") == {frozenset(): 1000}
    assert scrape.of("c") is NOTHING


def test_what_a_server_says_is_read_with_the_time_at_which_it_did() -> None:
    with serving(BEFORE.encode()) as address:
        scrape = Scraper(url_of(address), clock=lambda: 7.0).look()
    assert scrape.at == 7.0
    assert scrape.of("relayguard_generation") == {frozenset(): 3}


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with serving(b"a 1\n") as address:
        assert Scraper(url_of(address)).look().of("a") == {frozenset(): 1}


@pytest.mark.parametrize(
    ("serve", "largest", "problem"),
    [
        (lambda: serving(b"", 404), 1000, "the answer is 404 Not Found; is this the address of /metrics?"),
        (lambda: serving(b"", 302, "file:///etc/passwd"), 1000, "the answer is 302"),
        (lambda: serving(b"<html>\x1b[2J{</html>"), 1000, "no metrics: "),
        (lambda: serving(b"\xff\xfe 1\n"), 1000, "no metrics: "),
        (
            lambda: serving(b"a 1\n" * 1000),
            1000,
            "no metrics: more than 1000 bytes; is this the address of a Relayguard?",
        ),
    ],
    ids=["other path", "a way to a file", "a page", "bytes", "no end"],
)
def test_what_is_no_metrics_is_told_with_its_address(
    serve: Callable[[], Iterator[str]], largest: int, problem: str
) -> None:
    with serve() as address, pytest.raises(ScrapeError) as raised:  # type: ignore[attr-defined]
        Scraper(url_of(address), largest=largest).look()
    message = str(raised.value)
    assert message.startswith(f"http://{address}/metrics: ")
    assert problem in message
    assert message.isprintable()


def test_nobody_there_is_told_with_what_to_do() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ScrapeError) as raised:
        Scraper(url_of(address)).look()
    assert str(raised.value) == (
        f"http://{address}/metrics: no answer: Connection refused; "
        "does the daemon run, and is this its metrics.address? (--address asks elsewhere)"
    )


def test_who_takes_the_call_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ScrapeError, match="no answer: timed out"):
        Scraper(url_of(f"127.0.0.1:{silent.getsockname()[1]}"), timeout=0.05).look()


def test_who_says_it_byte_by_byte_is_given_up_too() -> None:
    passing = iter(range(0, 10_000, 10))
    with serving(b"a 1\n") as address, pytest.raises(ScrapeError, match="timed out"):
        Scraper(url_of(address), clock=lambda: float(next(passing))).look()


def test_who_speaks_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mx.example.com ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ScrapeError, match="no answer: 220 mx"):
            Scraper(url_of(f"127.0.0.1:{server.getsockname()[1]}")).look()
        thread.join()
