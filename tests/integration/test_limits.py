"""Limits as a busy relay needs them: exact over all workers, told to the client, and never in the way of mail."""

import os
import signal
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relayguard.milter.protocol import Response
from relayguard.testing.daemon import sample
from relayguard.testing.milter_client import MilterClient
from tests.conftest import Serve, needs_root, open_folder
from tests.integration.conftest import PLAIN, StartRelay
from tests.integration.hot import CLIENTS, EACH, RULE, admitted, recipients, until


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def lmdb(folder: Path) -> str:
    return f'[store]\nfolder = "{folder}/limits"\n'


def test_four_workers_admit_exactly_what_the_limit_says_and_remember_it_over_a_restart(
    serve: Serve, folder: Path
) -> None:
    served = serve('"ratelimit"', extra=lmdb(folder), tables=RULE, workers=4)
    assert admitted(served.address) == 100
    counted = served.metrics()
    assert sample(counted, "relayguard_limit_decisions_total", limit="hot", outcome="admitted") == 100
    assert sample(counted, "relayguard_limit_decisions_total", limit="hot", outcome="over") == CLIENTS * EACH - 100
    assert served.daemon.stop() == 0
    with served.daemon:
        assert admitted(served.address, clients=1, each=3) == 0


def test_what_is_refused_is_told_with_when_to_come_back_and_the_log_names_rule_and_key(
    serve: Serve, folder: Path
) -> None:
    tables = RULE.replace("100 recipients per day", "60 recipients per hour, burst 2")
    served = serve('"ratelimit"', extra=lmdb(folder), tables=tables)
    refused = recipients(served.address, 3)[2]
    assert refused.text == "450 4.7.1 Too many recipients, try again in 60 seconds"
    (line,) = served.daemon.await_events("envelope", 1)
    assert line["notes"] == ["hot: example.org is over 60 recipients per hour, burst 2, try again in 60 seconds"]


def test_a_flood_of_connections_is_refused_at_the_door_with_a_line_of_its_own(serve: Serve, folder: Path) -> None:
    rule = '[[filter.ratelimit.rule]]\nname = "door"\nlimit = "3 connections per hour"\nkey = ["network"]\n'
    served = serve('"ratelimit"', extra=lmdb(folder), tables=rule)
    replies = []
    for _ in range(5):
        with MilterClient(served.address) as client:
            replies.append(client.connect())
    assert [reply.response for reply in replies[:3]] == [Response.CONTINUE] * 3
    assert {reply.text[:9] for reply in replies[3:]} == {"421 4.7.0"}
    line = served.daemon.await_events("session refused", 2)[0]
    assert (line["filter"], line["stage"], line["client"]) == ("ratelimit", "connect", "192.0.2.1")
    assert line["notes"][0].startswith("door: 192.0.2.0/24 is over 3 connections per hour")
    counted = sample(
        served.metrics(), "relayguard_sessions_refused_total", stage="connect", filter="ratelimit", outcome="deferred"
    )
    assert counted == 2


def test_another_limit_for_a_single_key_holds_as_soon_as_the_file_says_so(serve: Serve, folder: Path) -> None:
    overrides = folder / "overrides.toml"
    overrides.write_text('"other.example" = "unlimited"\n')
    tables = RULE.replace("100 recipients", "2 recipients") + f'overrides = "{overrides}"\n'
    served = serve('"ratelimit"', extra=lmdb(folder), tables=tables)
    assert admitted(served.address, clients=1, each=4) == 2
    overrides.write_text('"example.org" = "unlimited"\n')
    until(lambda: admitted(served.address, clients=1, each=1) == 1)
    assert admitted(served.address, clients=1, each=10) == 10


@pytest.mark.mta
@needs_root
def test_through_postfix_the_recipient_that_is_too_many_is_refused_and_the_others_get_the_message(
    start_relay: StartRelay, folder: Path
) -> None:
    relay = start_relay('"ratelimit"', extra=lmdb(folder), tables=RULE, workers=2)
    with relay.session() as smtp:
        smtp.ehlo()
        smtp.mail("sender@example.org")
        answers = [smtp.rcpt(f"r{number}@example.com") for number in range(101)]
        code, _ = smtp.data(b"Message-ID: <limits@example.org>\r\n" + PLAIN)
    assert [code for code, _ in answers[:100]] == [250] * 100
    assert answers[100][0] == 450
    assert answers[100][1].startswith(b"4.7.1 ")
    assert b"Too many recipients, try again in " in answers[100][1]
    assert code == 250
    assert relay.mta.find("<limits@example.org>") is not None
    with pytest.raises(smtplib.SMTPRecipientsRefused), relay.session() as smtp:
        smtp.sendmail("again@example.org", ["bob@example.com"], PLAIN)
    assert relay.warnings() == []


def test_workers_that_are_killed_while_they_count_leave_the_others_counting(serve: Serve, folder: Path) -> None:
    tables = RULE.replace("100 recipients", "100,000 recipients")
    served = serve('"ratelimit"', extra=lmdb(folder), tables=tables, workers=2)

    def load(_: int) -> int:
        try:
            return len(recipients(served.address, 50))
        except (OSError, EOFError):
            # It was with the worker that was killed: the MTA would have the client try again.
            return 0

    with ThreadPoolExecutor(4) as pool:
        loads = pool.map(load, range(80))
        for _ in range(3):
            os.kill(next(iter(served.daemon.workers())), signal.SIGKILL)
            until(lambda: len(served.daemon.workers()) == 2)
        answered = sum(loads)
    assert answered > 0
    assert admitted(served.address, clients=2, each=5) == 10
    assert sample(served.metrics(), "relayguard_store_fallback_active", store="lmdb") == 0


def test_a_store_that_cannot_be_opened_stops_no_mail_and_the_operator_sees_it(serve: Serve, folder: Path) -> None:
    (folder / "limits").write_text("a file where there should be a folder\n")
    served = serve('"ratelimit"', extra=lmdb(folder), tables=RULE.replace("100 recipients", "5 recipients"))
    assert admitted(served.address, clients=2, each=5) == 5
    counted = served.metrics()
    assert sample(counted, "relayguard_store_operations_total", store="lmdb", outcome="unreachable") > 0
    assert sample(counted, "relayguard_store_operations_total", store="memory", outcome="ok") == 10
    assert served.daemon.await_events("store failed once", 1)[0]["store"] == "lmdb"
