"""Serves /metrics and /healthz over HTTP, from a thread of its own."""

import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """Bind, and do not ask DNS what our name may be."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Ipv6Server(_Server):
    address_family = socket.AF_INET6


class Exporter:
    """An HTTP server on `address`; `healthy` tells whether mail is being served."""

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, healthy: Callable[[], bool]) -> None:
        server = _Ipv6Server if ":" in address[0] else _Server
        self._server = server(address, _handler(registry, healthy))
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port, which tells what port 0 became."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to serve."""
        threading.Thread(target=self._server.serve_forever, name="exporter", daemon=True).start()

    def stop(self) -> None:
        """End serving and free the port."""
        self._server.shutdown()
        self._server.server_close()


def _handler(registry: CollectorRegistry, healthy: Callable[[], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, content_type, encode(registry))
            elif path == "/healthz":
                ready = healthy()
                self._answer(200 if ready else 503, "text/plain", b"ok\n" if ready else b"not serving\n")
            else:
                self._answer(404, "text/plain", b"try /metrics or /healthz\n")

        def _answer(self, status: int, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    return Handler
