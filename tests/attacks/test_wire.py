"""Each row of cases.toml against the real daemon, with real DNS: a milter client plays the MTA."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relayguard.authentication_results.read import read_results
from relayguard.milter.protocol import Response
from relayguard.testing.milter_client import CONTINUE, Judged
from tests.attacks.cases import RECIPIENT, Case, message_of, reachable
from tests.attacks.groups import groups_of
from tests.attacks.servers import Servers, asked
from tests.attacks.verdicts import Found, Words, check, is_results, signals_in, words_in, words_of
from tests.conftest import Served, open_folder

CASES = reachable("wire")


@pytest.fixture(scope="module")
def servers(slow_transport: str) -> Iterator[Servers]:
    with open_folder() as folder, ExitStack() as stack:
        yield Servers(groups_of(CASES), folder, stack, slow_transport)


def send(case: Case, served: Served) -> Judged:
    with served.connect() as client:
        client.connect(address=case.client)
        client.helo(case.helo.encode())
        words = [word.encode() for word in case.parameters]
        login = {"auth_type": b"PLAIN", "auth_authen": case.login.encode()} if case.login else {}
        reply = client.mail_from(f"<{case.mail_from}>".encode(), *words, **login)
        if reply != CONTINUE:
            return Judged(reply)
        client.rcpt_to(f"<{RECIPIENT}>".encode())
        return client.message(message_of(case))


def decision_in(judged: Judged) -> str:
    final = judged.reply
    if final.response is Response.REPLY:
        return "rejected" if final.text.startswith("5") else "deferred"
    if Response.QUARANTINE in {edit.kind for edit in judged.edits}:
        return "quarantined"
    return {Response.CONTINUE: "accepted", Response.ACCEPT: "accepted", Response.DISCARD: "discarded"}[final.response]


def results_in(judged: Judged) -> list[Words]:
    """The one header that we added, read again."""
    (added,) = judged.added("Authentication-Results")
    lines = added.split("\n")
    # RFC 5322 §2.1.1; only a quoted string is never folded.
    assert all(len(line.encode()) <= (998 if '"' in line else 78) for line in lines)
    read = read_results(added.encode())
    assert read is not None
    return [words_of(entry) for entry in read.entries]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_an_attack_gets_the_same_verdict_from_the_daemon(case: Case, servers: Servers) -> None:
    served = servers.of(case)
    before = len(served.daemon.events("envelope"))
    judged = send(case, served)
    (line,) = served.daemon.await_events("envelope", before + 1)[before:]
    goes_on = judged.reply.response in (Response.CONTINUE, Response.ACCEPT)
    found = Found(
        results=results_in(judged) if goes_on else [words_in(result) for result in line["results"]],
        decision=decision_in(judged),
        would_be=line.get("would_be", line["decision"]),
        reply=judged.reply.text,
        asked=asked(served),
        signals=signals_in(line),
        deleted=tuple(sorted(index for name, index in judged.deleted if is_results(name))) if goes_on else None,
        stripped=tuple(name for name, _ in judged.deleted if not is_results(name)) if goes_on else None,
    )
    check(case, found)
    assert line["decision"] == found.decision
    assert not served.daemon.events("filter failed")
