"""Who may write as whom: with the real daemon, and with users who log in to a real Postfix."""

import smtplib
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from relayguard.milter.protocol import Response
from relayguard.testing.milter_client import CONTINUE, Reply
from tests.conftest import Serve, Served, needs_root
from tests.integration.conftest import LOGIN, PASSWORD, Relay, Sent, StartRelay, submit

TO = (b"<alice@example.net>",)
OWN = b"From: bob@example.com\r\n\r\nbody\r\n"


def table(name: str, path: Path) -> str:
    return f'[filter.sender_login]\n{name} = "{path}"\n'


def submitted(
    served: Served, message: bytes, sender: bytes = b"bob@example.com", login: bytes = b"bob@example.com"
) -> Reply:
    with served.connect() as client:
        client.connect()
        client.helo()
        reply = client.mail_from(b"<" + sender + b">", auth_type=b"PLAIN", auth_authen=login)
        if reply != CONTINUE:
            return reply
        client.rcpt_to(*TO)
        return client.message(message).reply


def accepted(reply: Reply) -> bool:
    return reply.response in (Response.CONTINUE, Response.ACCEPT)


def test_a_login_writes_as_what_the_map_gives_it_and_a_changed_map_is_read_while_mail_flows(
    serve: Serve, slow_transport: str, tmp_path: Path
) -> None:
    path = tmp_path / "sender_login"
    path.write_text("info@example.com  alice, bob@example.com\n@example.net  alice\n")
    served = serve('"sender_login"', tables=table("map", path), transport=slow_transport)
    assert accepted(submitted(served, OWN))
    assert accepted(
        submitted(served, b"From: info@example.com, bob@example.com\r\n\r\nbody\r\n", b"info+x@example.com")
    )
    foreign = submitted(served, OWN, b"alice@example.net")
    assert foreign.text == "553 5.7.1 bob@example.com may not write as alice@example.net (MAIL FROM)"
    assert accepted(submitted(served, b"From: any@example.net\r\n\r\nbody\r\n", b"any@example.net", b"Alice"))
    line = served.daemon.await_events("envelope", 3)[2]
    assert line["decision"] == "rejected"
    assert "MAIL FROM alice@example.net, login bob@example.com: not allowed" in str(line)

    path.write_text("broken\n")
    (failure,) = served.daemon.await_events("filter could not refresh, and goes on with what it had", 1)
    assert failure["error"].startswith(f"{path}: line 1: 'broken' is no address")
    assert accepted(submitted(served, OWN, b"info@example.com"))
    path.write_text("alice@example.net  bob@example.com\n")
    deadline = time.monotonic() + 20
    while not accepted(submitted(served, OWN, b"alice@example.net")):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_database_that_is_not_there_makes_mail_wait_and_the_others_mail_goes_on(
    serve: Serve, slow_transport: str, tmp_path: Path
) -> None:
    path = tmp_path / "who.sqlite"
    served = serve('"sender_login"', tables=table("database", path), transport=slow_transport)
    reply = submitted(served, OWN, b"info@example.com")
    assert reply.text == "451 4.3.0 Cannot tell now who may write as whom"
    assert accepted(submitted(served, OWN))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE sender_login (address, login)")
        database.execute("INSERT INTO sender_login VALUES ('info@example.com', 'bob@example.com')")
    assert accepted(submitted(served, OWN, b"info@example.com"))
    assert submitted(served, OWN, b"sales@example.com").text.startswith("553 5.7.1 ")


def test_a_map_that_cannot_be_read_is_a_mistake_in_the_configuration_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "map").write_text("# ours\ninfo@example.com\n")
    configuration = tmp_path / "relayguard.toml"
    configuration.write_text(f'filters = ["sender_login"]\n{table("map", tmp_path / "map")}')
    command = [sys.executable, "-m", "relayguard", "check", "-c", str(configuration)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert "filter.sender_login" in said
    assert f"{tmp_path / 'map'}: line 2: info@example.com has no login" in said


@pytest.fixture(scope="module")
def relay(start_relay: StartRelay, slow_transport: str, tmp_path_factory: pytest.TempPathFactory) -> Relay:
    path = tmp_path_factory.mktemp("map") / "sender_login"
    path.write_text(f"info@example.com  {LOGIN}\n")
    return start_relay('"sender_login"', tables=table("map", path), transport=slow_transport)


def logged_in(relay: Relay, message: bytes, sender: str = LOGIN) -> Sent:
    """Submit as a mail program does: over STARTTLS, with AUTH."""
    with smtplib.SMTP("127.0.0.1", relay.postfix.submission_port, "laptop.example", 30) as smtp:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        smtp.starttls(context=context)
        smtp.login(LOGIN, PASSWORD)
        return submit(smtp, message, sender, ("bob@example.com",))


@pytest.mark.mta
@needs_root
def test_a_user_of_postfix_writes_as_itself_and_as_what_it_was_given(relay: Relay) -> None:
    assert relay.delivered(logged_in(relay, OWN))["From"] == LOGIN
    sent = logged_in(
        relay, b"From: Info <info@example.com>\r\nSender: bob+desk@example.com\r\n\r\nbody\r\n", "info@example.com"
    )
    assert relay.delivered(sent)["From"] == "Info <info@example.com>"


@pytest.mark.mta
@needs_root
@pytest.mark.parametrize(
    ("message", "sender", "told"),
    [
        (OWN, "alice@example.com", "bob@example.com may not write as alice@example.com (MAIL FROM)"),
        (b"From: a@example.com\r\n\r\nx\r\n", LOGIN, "bob@example.com may not write as a@example.com (From)"),
        (b"Sender: a@example.com\r\n" + OWN, LOGIN, "bob@example.com may not write as a@example.com (Sender)"),
        (b"From: a@example.com\r\n" + OWN, LOGIN, "It must be clear who writes: several From fields"),
        (
            b"From: bob\r\n\r\nx\r\n",
            LOGIN,
            "It must be clear who writes: malformed From field (an address must have exactly one @)",
        ),
    ],
)
def test_a_user_of_postfix_who_writes_as_somebody_else_is_refused_and_told_why(
    relay: Relay, message: bytes, sender: str, told: str
) -> None:
    assert logged_in(relay, message, sender).said == (553, f"5.7.1 {told}")


@pytest.mark.mta
@needs_root
def test_mail_from_elsewhere_is_none_of_its_business(relay: Relay) -> None:
    relay.delivered(relay.send(b"From: alice@example.com\r\n\r\nbody\r\n"))
    assert relay.warnings() == []
