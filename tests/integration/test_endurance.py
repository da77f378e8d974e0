"""What the daemon bears for long: clients that wait in hundreds, and messages by the hundred thousand."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from relayguard.testing.daemon import sample
from relayguard.testing.milter_client import CONTINUE, MilterClient
from tests.conftest import Serve, Served

ZONE = 'example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"\n$SILENT silent.example.\n'
ALL = '"author", "spf", "dkim", "arc", "dmarc"'
MESSAGE = b"From: a@example.org\r\nSubject: hello\r\n\r\n" + b"a line of text\r\n" * 100
MB = 1024 * 1024


def others_are_served_while(served: Served, waiting: int) -> None:
    """Let so many clients wait for DNS that never answers; meanwhile others send mail, and are done first.

    Were the others held up, one of them at most would be done before the first who waits is answered.
    """
    replies: list[object] = []
    done = 0

    def wait(client: MilterClient) -> None:
        replies.append(client.mail_from(b"<a@silent.example>"))

    with ExitStack() as stack, ThreadPoolExecutor(waiting) as pool:
        clients = [stack.enter_context(MilterClient(served.address)) for _ in range(waiting)]
        for client in clients:
            client.connect()
            client.helo()
        for client in clients:
            pool.submit(wait, client)
        while done < 100 and not replies:
            with MilterClient(served.address) as other:
                other.connect()
                other.helo()
                assert other.deliver(MESSAGE).reply == CONTINUE
            done += 1
    assert done > 10, "others are served while clients wait for DNS"
    # And then DNS trouble has cost nobody his mail.
    assert replies == [CONTINUE] * waiting


def test_clients_that_wait_for_silent_dns_do_not_hold_up_the_others(serve: Serve) -> None:
    others_are_served_while(serve(ALL, zone=ZONE, dns_timeout=5.0), waiting=50)


@pytest.mark.long
def test_five_hundred_clients_that_wait_for_silent_dns_do_not_hold_up_the_others(serve: Serve) -> None:
    others_are_served_while(serve(ALL, zone=ZONE, dns_timeout=8.0), waiting=500)


def memory_after(served: Served, messages: int, clients: int = 4) -> float:
    """Send messages through one worker, a hundred to a connection, and return its memory in bytes."""

    def send(number: int) -> None:
        for _ in range(messages // clients // 100):
            with MilterClient(served.address) as client:
                client.connect()
                client.helo()
                for index in range(100):
                    sender = b"<a@d%d.example.org>" % (index * clients + number)
                    assert client.deliver(MESSAGE, sender=sender).reply == CONTINUE

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, range(clients)))
    (pid,) = served.daemon.workers()
    return float(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
def test_a_hundred_thousand_messages_leave_the_memory_of_a_worker_flat(serve: Serve) -> None:
    served = serve(ALL, zone=ZONE)
    warm = memory_after(served, 10_000)
    after = memory_after(served, 90_000)
    told = f"{warm / MB:.1f} MB after 10,000 messages, {after / MB:.1f} MB after 100,000"
    assert after - warm < 3 * MB, told
    assert after < 80 * MB, told
    assert sample(served.metrics(), "relayguard_envelopes_total", outcome="accepted") == 100_000
