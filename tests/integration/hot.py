"""Hot keys: many clients at a time charge one limit, and somebody counts what was admitted."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from relayguard.milter.protocol import Response
from relayguard.testing.milter_client import MilterClient, Reply

RULE = """
[[filter.ratelimit.rule]]
name = "hot"
limit = "100 recipients per day"
key = ["sender_domain"]
"""
CLIENTS = 8
EACH = 20


def recipients(address: str, number: int, sender: bytes = b"<sender@example.org>") -> list[Reply]:
    """Send one envelope with so many recipients, and return the replies to them."""
    with MilterClient(address) as client:
        client.connect()
        client.helo()
        client.mail_from(sender)
        return [client.rcpt_to(f"<r{count}@example.com>".encode()) for count in range(number)]


def admitted(*addresses: str, clients: int = CLIENTS, each: int = EACH) -> int:
    """Send from several clients at a time to each address, and return how many recipients were admitted."""
    with ThreadPoolExecutor(clients * len(addresses)) as pool:
        found = list(pool.map(lambda address: recipients(address, each), addresses * clients))
    replies = [reply for each_found in found for reply in each_found]
    assert {reply.response for reply in replies} <= {Response.CONTINUE, Response.REPLY}
    return sum(reply.response is Response.CONTINUE for reply in replies)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
