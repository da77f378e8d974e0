"""Each row of cases.toml through a real Postfix: the reply to the client, and what arrives in the mailbox."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest

from relayguard.authentication_results.read import read_results
from relayguard.core.message import split_message
from relayguard.testing.ports import free_port
from relayguard.testing.postfix import Postfix
from tests.attacks.cases import Case, message_of, reachable, unreachable
from tests.attacks.groups import groups_of
from tests.attacks.servers import Servers, asked
from tests.attacks.smtp import Client, ended
from tests.attacks.verdicts import Found, Words, check, is_results, signals_in, words_in, words_of
from tests.conftest import needs_root, open_folder

pytestmark = [pytest.mark.mta, needs_root]

CASES = reachable("mta")
BEYOND = unreachable("mta")
SETTINGS = {
    # Rows come from addresses that are not ours.
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
    "inet_protocols": "all",
    # Else Postfix tells no milter of a login.
    "smtpd_sasl_auth_enable": "yes",
}


@dataclass(frozen=True)
class Sent:
    """The last reply to the client, and the lines that the daemon logged."""

    reply: str
    lines: list[dict[str, Any]]


@dataclass(frozen=True)
class Relay:
    """One Postfix, with a port for each group of rows; each row is sent once."""

    postfix: Postfix
    ports: list[int]
    servers: Servers
    sent: dict[str, Sent] = field(default_factory=dict)

    def send(self, case: Case, lines: int) -> Sent:
        if case.id not in self.sent:
            daemon = self.servers.of(case).daemon
            before = len(daemon.events("envelope"))
            with Client(self.ports[self.servers.number_of(case)]) as client:
                reply = client.deliver(case)
            self.sent[case.id] = Sent(reply, daemon.await_events("envelope", before + lines)[before:])
        return self.sent[case.id]

    def delivered(self, sent: Sent) -> bytes:
        queued = re.search(r"queued as (\w+)", sent.reply)
        assert queued is not None, sent
        raw = self.postfix.find(f"id {queued[1]}\n")
        assert raw is not None, self.postfix.log[-3000:]
        return raw

    def holds(self, sent: Sent) -> bool:
        """Whether the message lies in quarantine."""
        return sent.lines[0]["queue_id"] in {path.name for path in (self.postfix.directory / "spool/hold").rglob("*")}


@pytest.fixture(scope="module")
def relay(slow_transport: str) -> Iterator[Relay]:
    with open_folder() as folder, ExitStack() as stack:
        servers = Servers(groups_of(CASES + BEYOND), folder, stack, slow_transport)
        ports = [free_port() for _ in servers.addresses]
        postfix = Postfix(
            folder / "postfix",
            servers.addresses[0],
            ("mx.example.com",),
            settings=SETTINGS,
            others=dict(zip(ports[1:], servers.addresses[1:], strict=True)),
            smtp_port=ports[0],
        )
        yield Relay(stack.enter_context(postfix), ports, servers)


def found_in(relay: Relay, case: Case, sent: Sent, results: list[Words]) -> Found:
    (line,) = sent.lines
    return Found(
        results=results,
        decision={"5": "rejected", "4": "deferred"}.get(sent.reply[0], line["decision"]),
        would_be=line.get("would_be", line["decision"]),
        reply=sent.reply,
        asked=asked(relay.servers.of(case)),
        signals=signals_in(line),
        # What went is told by what arrives.
        deleted=None,
        stripped=None,
    )


def forgeable(raw: bytes) -> list[bytes]:
    """The values of all Authentication-Results, unfolded: Postfix folds with spaces of its own."""
    fields = [value for name, value in split_message(raw)[0] if is_results(name)]
    return [b" ".join(value.split()) for value in fields]


def names(raw: bytes) -> Counter[str]:
    """The names of all other fields."""
    return Counter(name for name, _ in split_message(raw)[0] if not is_results(name))


def as_postfix_knows(client: str) -> IPv4Address | IPv6Address:
    address = ip_address(client)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_an_attack_gets_the_same_verdict_behind_postfix(case: Case, relay: Relay) -> None:
    sent = relay.send(case, 1)
    found = found_in(relay, case, sent, [words_in(result) for result in sent.lines[0]["results"]])
    check(case, found)
    assert sent.lines[0]["decision"] == found.decision
    assert sent.lines[0]["client"] == str(as_postfix_knows(case.client))
    assert relay.holds(sent) == (case.decision == "quarantined")
    assert not relay.servers.of(case).daemon.events("filter failed")


@pytest.mark.parametrize("case", [each for each in CASES if each.decision == "accepted"], ids=lambda case: case.id)
def test_what_arrives_has_our_header_and_none_that_claims_to_be(case: Case, relay: Relay) -> None:
    sent = relay.send(case, 1)
    raw, original = relay.delivered(sent), message_of(case)
    own, *others = forgeable(raw)
    assert others == [value for at, value in enumerate(forgeable(original), 1) if at not in case.deleted]
    assert sorted((names(original) - names(raw)).elements()) == sorted(case.stripped)
    read = read_results(own)
    assert read is not None
    check(case, found_in(relay, case, sent, [words_of(entry) for entry in read.entries]))
    assert split_message(raw)[1] == split_message(ended(original))[1]


@pytest.mark.parametrize("case", BEYOND, ids=lambda case: case.id)
def test_what_cannot_reach_the_daemon_is_refused_by_postfix_itself(case: Case, relay: Relay) -> None:
    sent = relay.send(case, 0)
    assert sent.reply[0] == "5"
    assert not sent.lines
