"""Traps of pymilter and libmilter; what both transports do alike is in tests/integration/test_wire.py."""

import pytest

from relayguard.testing.milter_client import CONTINUE
from tests.conftest import Serve, Served

PLAIN = b"From: a@example.net\r\nSubject: hello\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def served(serve: Serve) -> Served:
    return serve(transport="libmilter")


def test_a_helo_that_is_not_utf_8_stops_nothing(served: Served) -> None:
    with served.connect() as client:
        client.connect()
        assert client.helo(b"caf\xe9.example") == CONTINUE
        assert client.deliver(PLAIN).reply == CONTINUE


def test_a_client_whose_name_is_not_utf_8_does_not_pass_for_local(served: Served) -> None:
    before = len(served.daemon.events("envelope"))
    with served.connect() as client:
        client.connect(b"caf\xe9.example", "192.0.2.7", client_addr=b"192.0.2.7")
        client.helo()
        client.mail_from(b"<sender@example.org>", client_addr=b"192.0.2.7")
        client.rcpt_to()
        assert client.message(PLAIN).reply == CONTINUE
    line = served.daemon.await_events("envelope", before + 1)[before]
    assert (line["role"], line["client"]) == ("incoming", "192.0.2.7")


def test_a_login_that_is_not_utf_8_is_a_submission_all_the_same(served: Served) -> None:
    before = len(served.daemon.events("envelope"))
    with served.connect() as client:
        client.connect()
        client.helo()
        client.mail_from(b"<sender@example.org>", auth_type=b"PLAIN", auth_authen=b"j\xfcrgen")
        client.rcpt_to()
        assert client.message(PLAIN).reply == CONTINUE
    assert served.daemon.await_events("envelope", before + 1)[before]["role"] == "submission"
