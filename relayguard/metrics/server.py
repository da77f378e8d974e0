"""An HTTP server that nobody holds up: so many clients at a time, and who has waited longest goes first."""

import contextlib
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_CLIENTS = 16
"""Prometheus, an operator or two, a probe: who is served is served in milliseconds."""

_PATIENCE_SECONDS = 1.0
_FULL = b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nthere are too many clients\n"


class BoundedServer(ThreadingHTTPServer):
    """Serves each client in a thread of its own, `most` at a time.

    One more takes the place of whoever has been there longest, who is silent or slow. If that client's answer is
    still being made after `patience` seconds, the new one is told to come back.
    """

    daemon_threads = True
    # Whoever knocks must not have to knock again, a second later, because others knock as well.
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        most: int = MOST_CLIENTS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._most = most
        self._patience = patience
        # In the order in which they came.
        self._clients: dict[socket.socket, None] = {}
        self._changed = threading.Condition()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind, and do not ask DNS what our name may be."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin to serve a client, if there is room or somebody makes room."""
        if self._admit(request):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.sendall(_FULL)
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Hang up; however it came to that, there is room for another one."""
        super().shutdown_request(request)
        with self._changed:
            self._clients.pop(request, None)
            self._changed.notify()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone; tell of any other error as ever."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _admit(self, request: socket.socket) -> bool:
        with self._changed:
            if len(self._clients) >= self._most:
                with contextlib.suppress(OSError):
                    # Its thread wakes up and ends.
                    next(iter(self._clients)).shutdown(socket.SHUT_RDWR)
                self._changed.wait_for(lambda: len(self._clients) < self._most, self._patience)
            admitted = len(self._clients) < self._most
            if admitted:
                self._clients[request] = None
            return admitted
