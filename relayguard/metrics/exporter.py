"""Serves the status page, /metrics and /healthz over HTTP, from threads of its own."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from relayguard.metrics.page import POLICY
from relayguard.metrics.server import BoundedServer

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Reply(NamedTuple):
    """What is answered."""

    status: int
    content_type: str
    content: bytes


Route = Callable[[str], Reply]
"""Answers a request, whose ``Accept`` it is given."""


class Exporter:
    """An HTTP server on `address`. `healthy` tells whether mail is being served, `page` is the HTML of the status page.

    Both are called from its threads.
    """

    def __init__(
        self,
        address: tuple[str, int],
        registry: CollectorRegistry,
        healthy: Callable[[], bool],
        page: Callable[[], str],
    ) -> None:
        def status(_accept: str) -> Reply:
            return Reply(200, "text/html; charset=utf-8", page().encode())

        def metrics(accept: str) -> Reply:
            encode, content_type = choose_encoder(accept)
            return Reply(200, content_type, encode(registry))

        def healthz(_accept: str) -> Reply:
            return Reply(200, "text/plain", b"ok\n") if healthy() else Reply(503, "text/plain", b"not serving\n")

        self._server = BoundedServer(address, _handler({"/": status, "/metrics": metrics, "/healthz": healthz}))

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


def _handler(routes: Mapping[str, Route]) -> type[BaseHTTPRequestHandler]:
    missing = Reply(404, "text/plain", f"there are {', '.join(routes)}\n".encode())

    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "relayguard", ""

        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            reply = route(self.headers.get("Accept", "")) if route else missing
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.content)))
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    return Handler
