"""The milter edge under attack: what no single message of cases.toml can show, against the real daemon."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from relayguard.core.message import split_message
from relayguard.milter.protocol import (
    ALL_ACTIONS,
    ALL_PROTOCOL,
    Command,
    Negotiation,
    PacketReader,
    Protocol,
    strings,
)
from relayguard.testing.daemon import Daemon, connect
from relayguard.testing.dns_server import DnsServer
from relayguard.testing.milter_client import CONTINUE, Judged, MilterClient
from tests.attacks.servers import configuration
from tests.conftest import Served, open_folder
from tests.relayguard_plugins.dkim.signing import MESSAGE, key_zone, sign

ZONE = (
    key_zone()
    + 'good.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"\n_dmarc.good.example. IN TXT "v=DMARC1; p=reject"\n'
)
GOOD = b"From: a@good.example\r\n\r\nbody\r\n"
TOO_LARGE = "550 5.7.1 Message must have one author domain: From field or header block too large"
GROWTH = 64 * 1024
"""Kilobytes by which a worker may grow, whatever it is sent."""


@pytest.fixture(scope="module")
def served(transport: str) -> Iterator[Served]:
    with open_folder() as folder, ExitStack() as stack:
        address = f"unix:{folder}/milter.sock"
        dns = stack.enter_context(DnsServer(ZONE))
        daemon = stack.enter_context(Daemon(folder, configuration(address, dns.port, {}, transport)))
        yield Served(daemon, address, "off", dns)


@pytest.fixture
def client(served: Served) -> Iterator[MilterClient]:
    with served.connect() as opened:
        opened.connect()
        opened.helo()
        yield opened


def results(judged: Judged) -> list[str]:
    assert judged.reply == CONTINUE
    (added,) = judged.added("Authentication-Results")
    return [entry.strip() for entry in added.split(";")[1:]]


def peak(served: Served) -> int:
    """The most memory that the worker ever had, in KB."""
    (worker,) = served.daemon.workers()
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def packet(command: Command, data: bytes = b"") -> bytes:
    return struct.pack("!I", len(data) + 1) + command.value + data


NEGOTIATED = packet(Command.NEGOTIATE, Negotiation(6, ALL_ACTIONS, Protocol(ALL_PROTOCOL)).encode())
PACKETS = {
    "a length of nothing": bytes(4),
    "a length of 4 GB": b"\xff\xff\xff\xffO",
    "another protocol": b"GET / HTTP/1.1\r\nHost: mx.example.com\r\n\r\n",
    "half a packet, and then nothing": NEGOTIATED[:7],
    "half a negotiation": packet(Command.NEGOTIATE, bytes(2)),
    "a version that nobody has spoken for long": packet(Command.NEGOTIATE, struct.pack("!III", 1, 0x1F, 0x7F)),
    "an unknown command": NEGOTIATED + struct.pack("!I", 2) + b"zx",
    "a sender without its end": NEGOTIATED + packet(Command.MAIL, b"<a@good.example>"),
    "a sender without any octet": NEGOTIATED + packet(Command.MAIL),
    "a client without any octet": NEGOTIATED + packet(Command.CONNECT),
    "a client of a family that is none": NEGOTIATED + packet(Command.CONNECT, b"client.example\0Z\0\0x\0"),
    "a client whose address is none": NEGOTIATED + packet(Command.CONNECT, b"client.example\x004\0\x19x\0"),
    "a field without value": NEGOTIATED + packet(Command.HEADER, b"From\0"),
    "two negotiations": NEGOTIATED * 2,
    "a body before all else": NEGOTIATED + packet(Command.BODY, b"body"),
    "a recipient before a sender": NEGOTIATED + packet(Command.RCPT, strings(b"<bob@example.com>")),
    "an end before a beginning": NEGOTIATED + packet(Command.END_OF_MESSAGE),
}


@pytest.mark.parametrize("name", PACKETS)
def test_what_no_mta_sends_costs_its_own_connection(name: str, served: Served, client: MilterClient) -> None:
    workers = set(served.daemon.workers())
    with connect(served.address) as hostile:
        hostile.sendall(PACKETS[name])
        # While it is open, others are served.
        assert "spf=pass smtp.mailfrom=a@good.example" in results(client.deliver(GOOD, b"<a@good.example>"))
        with contextlib.suppress(OSError):
            hostile.shutdown(socket.SHUT_WR)
        answer = rest_of(hostile)
    # No decision on mail is among what was said, but that there is none now; and the connection is over.
    assert all(kind == ord("O") or data.startswith(b"451 4.3.0") for kind, data in PacketReader().feed(answer))
    assert set(served.daemon.workers()) == workers
    assert not served.daemon.events("milter callback failed")


def test_a_sender_before_the_negotiation_is_put_off_and_fills_no_log(served: Served) -> None:
    with connect(served.address) as hostile:
        hostile.sendall(packet(Command.MAIL, strings(b"<a@good.example>")))
        hostile.shutdown(socket.SHUT_WR)
        answer = rest_of(hostile)
    assert not answer or answer[4:].startswith((b"y451", b"t"))
    assert not served.daemon.events("milter callback failed")


def rest_of(hostile: socket.socket) -> bytes:
    """What the daemon says until it hangs up, which it must when the other side has."""
    answer = b""
    # It may have hung up first.
    with contextlib.suppress(ConnectionError):
        while received := hostile.recv(65536):
            answer += received
    return answer


def test_an_mta_that_speaks_version_2_gets_verdicts(served: Served) -> None:
    with MilterClient(served.address, version=2, actions=0x3F, offered=0x7F) as client:
        client.connect()
        client.helo()
        judged = client.deliver(GOOD, b"<a@other.example>")
    assert judged.reply.text.startswith("550 5.7.1 DMARC of good.example failed")


def test_wherever_a_body_is_cut_its_signature_verifies(client: MilterClient) -> None:
    signed = sign(MESSAGE)
    pairs, body = split_message(signed)
    cuts = [(body[:at], body[at:]) for at in range(1, len(body))]
    for chunks in (*cuts, tuple(body[at : at + 1] for at in range(len(body)))):
        client.mail_from(b"<alice@example.com>")
        client.rcpt_to()
        client.macros(Command.DATA, {"i": b"Q1"})
        client.command(Command.DATA)
        for name, value in pairs:
            client.command(Command.HEADER, strings(name.encode(), value.replace(b"\r\n", b"\n")))
        client.command(Command.END_OF_HEADERS)
        for chunk in chunks:
            client.command(Command.BODY, chunk)
        assert any(entry.startswith("dkim=pass") for entry in results(client.end_of_message())), chunks


def test_a_fold_is_the_same_with_and_without_a_carriage_return(client: MilterClient) -> None:
    message = b"From: Alice\r\n\t<alice@example.com>\r\nSubject: Lunch\r\n  or\r\n\tnot?\r\n\r\nbody\r\n"
    pairs, body = split_message(sign(message, {"c": "simple/simple"}))
    for fold in (b"\n", b"\r\n"):
        client.mail_from(b"<alice@example.com>")
        client.rcpt_to()
        for name, value in pairs:
            client.command(Command.HEADER, strings(name.encode(), value.replace(b"\r\n", fold)))
        client.command(Command.END_OF_HEADERS)
        client.command(Command.BODY, body)
        assert any(entry.startswith("dkim=pass") for entry in results(client.end_of_message())), fold


def test_nothing_of_a_message_is_left_for_the_next_one(client: MilterClient) -> None:
    passing = (b"<a@good.example>", sign(MESSAGE))
    assert "spf=pass smtp.mailfrom=a@good.example" in results(client.deliver(passing[1], passing[0]))
    # Given up when all but its end was sent, and then followed by another without a word.
    for give_up in (client.abort, lambda: None):
        client.mail_from(passing[0])
        client.rcpt_to()
        client.begin(passing[1])
        give_up()
        second = client.deliver(b"From: x@other.example\r\n\r\nbody\r\n", b"<x@other.example>")
        assert [entry.split()[0] for entry in results(second)] == [
            *("spf=none", "spf=none", "dkim=none", "arc=none", "dmarc=none")
        ]
        assert "good.example" not in str(second)


def test_a_hundred_thousand_fields_are_refused(served: Served, client: MilterClient) -> None:
    before = peak(served)
    reply = client.deliver(b"X: y\r\n" * 100_000 + GOOD, b"<a@good.example>").reply
    assert reply.text == "550 5.7.1 Too many header fields"
    assert peak(served) - before < GROWTH


def test_ten_megabytes_of_header_are_refused(served: Served, client: MilterClient) -> None:
    before = peak(served)
    field = b"X: " + b"y" * 60_000 + b"\r\n"
    assert client.deliver(field * 170 + GOOD, b"<a@good.example>").reply.text == TOO_LARGE
    assert peak(served) - before < GROWTH


def test_a_thousand_recipients_are_one_envelope(served: Served, client: MilterClient) -> None:
    before = len(served.daemon.events("envelope"))
    recipients = [f"<bob{number}@example.com>".encode() for number in range(1000)]
    assert client.deliver(GOOD, b"<a@good.example>", recipients).reply == CONTINUE
    (line,) = served.daemon.await_events("envelope", before + 1)[before:]
    assert line["recipients"] == 1000
