from collections.abc import Callable
from pathlib import Path

import pytest

from tests.relayguard.cli.conftest import Run

ZONE = """\
good.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.good.example. IN TXT "v=DMARC1; p=reject"
"""
MESSAGE = "From: Alice <alice@good.example>\nAuthentication-Results: mx.example.com; dmarc=pass\n\nhello\n"


@pytest.fixture
def explain(relayguard: Run, config: Callable[[str], Path], tmp_path: Path) -> Callable[..., str]:
    def run(*options: str, message: str = MESSAGE, filters: str = "") -> str:
        (tmp_path / "zone").write_text(ZONE)
        (tmp_path / "message.eml").write_text(message)
        path = config('authserv_id = "mx.example.com"\nprofile = "enforce"\n' + filters)
        done = relayguard("explain", tmp_path / "message.eml", "-c", path, "--zone", tmp_path / "zone", *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_says_why_a_message_would_be_refused(explain: Callable[..., str]) -> None:
    said = explain("--client", "192.0.2.66")
    assert "spf=fail smtp.mailfrom=alice@good.example" in said
    assert "dmarc=fail header.from=good.example policy.dmarc=reject" in said
    assert "decision: rejected by dmarc: 550 5.7.1 DMARC of good.example failed" in said


def test_it_shows_the_dns_answers_and_the_edits(explain: Callable[..., str]) -> None:
    said = explain()
    assert 'good.example TXT: "v=spf1 ip4:192.0.2.1 -all"' in said
    assert "_dmarc.example TXT: nxdomain" in said
    assert "decision: accepted" in said
    assert "edit: delete Authentication-Results number 1" in said
    assert "edit: add Authentication-Results: mx.example.com;" in said


@pytest.mark.parametrize("role", ["submission", "local"])
def test_mail_that_is_not_incoming_is_not_judged(explain: Callable[..., str], role: str) -> None:
    said = explain("--role", role)
    assert f"role {role}" in said
    assert "dmarc=" not in said


def test_it_is_played_as_the_submission_of_a_login(explain: Callable[..., str]) -> None:
    said = explain("--login", "bob", filters='filters = ["sender_login"]')
    assert "role submission" in said
    assert "decision: rejected by sender_login: 553 5.7.1 bob may not write as alice@good.example (MAIL FROM)" in said


def test_each_stage_and_filter_is_shown_with_its_milliseconds(explain: Callable[..., str]) -> None:
    said = explain()
    assert said.index("mail_from") < said.index("end_of_headers") < said.index("end_of_message")
    assert "  spf (" in said
    assert " ms)" in said


def test_a_null_sender_a_helo_and_recipients_can_be_given(explain: Callable[..., str]) -> None:
    said = explain("--sender", "<>", "--helo", "good.example", "--recipient", "a@b.example")
    assert "spf=pass smtp.mailfrom=postmaster@good.example" in said


def test_a_client_that_is_no_address_is_a_clear_error(relayguard: Run, tmp_path: Path) -> None:
    (tmp_path / "message.eml").write_text(MESSAGE)
    done = relayguard("explain", tmp_path / "message.eml", "--client", "localhost")
    assert done.returncode == 2
    assert "'localhost' does not appear to be an IPv4 or IPv6 address" in done.stderr


def test_hostile_bytes_in_a_message_are_shown_harmlessly(explain: Callable[..., str]) -> None:
    said = explain(message="From: \x1b[31mred@good.example\nX: \x07\n\n\x1b[0m\n")
    assert said.replace("\n", "").isprintable()
