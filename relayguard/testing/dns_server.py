"""A real DNS server on loopback, over UDP and TCP, that serves a zone."""

import socketserver
import struct
import threading
from collections import Counter
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rdatatype

from relayguard.dns.zone import Zone

_UDP_LIMIT = 1232


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class DnsServer:
    """Serves `zone_text` (see `Zone`) on 127.0.0.1; a context manager.

    `queries` counts the questions by ``name type``. Answers too long for UDP are truncated, so that the
    client comes back over TCP.
    """

    def __init__(self, zone_text: str, port: int = 0) -> None:
        self._zone = Zone(zone_text)
        self.queries: Counter[str] = Counter()
        handlers = _handlers(self)
        # The port must be free for both; TCP's free ports are the scarcer.
        self._tcp = _TcpServer(("127.0.0.1", port), handlers[1])
        self.port: int = self._tcp.server_address[1]
        self._udp = _UdpServer(("127.0.0.1", self.port), handlers[0])

    def __enter__(self) -> Self:
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        """Return the response to a query in wire format, or None for silence."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        self.queries[f"{question.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(question.rdtype)}"] += 1
        response = self._zone.respond(query)
        if response is None:
            return None
        full = response.to_wire(max_size=65535)
        if tcp or len(full) <= _UDP_LIMIT:
            return full
        truncated = dns.message.make_response(query, recursion_available=True)
        truncated.flags |= dns.flags.TC
        return truncated.to_wire()


def _handlers(
    server: DnsServer,
) -> tuple[type[socketserver.BaseRequestHandler], type[socketserver.BaseRequestHandler]]:
    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            response = server.answer(wire, tcp=False)
            if response is not None:
                sock.sendto(response, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            while len(prefix := self.rfile.read(2)) == 2:
                response = server.answer(self.rfile.read(struct.unpack("!H", prefix)[0]), tcp=True)
                if response is None:
                    return
                self.wfile.write(struct.pack("!H", len(response)) + response)

    return Udp, Tcp
