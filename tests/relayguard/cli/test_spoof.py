from collections.abc import Callable
from pathlib import Path

import pytest

from tests.relayguard.cli.conftest import Run

CONFIGURATION = 'authserv_id = "mx.example.com"\nfilters = [{}]\n[filter.spoof]\nown_domains = ["example.com"]\n'
ZONE = """\
examp1e.com. IN MX 10 mail.examp1e.com.
exemplar.com. IN MX 10 mail.exemplar.com.
"""


@pytest.fixture
def check(relayguard: Run, config: Callable[[str], Path], tmp_path: Path) -> Callable[..., list[str]]:
    (tmp_path / "zone").write_text(ZONE)
    path = config(CONFIGURATION.format('"spf", "dkim", "spoof"'))

    def run(what: str) -> list[str]:
        return relayguard("spoof", "check", what, "-c", path, "--zone", tmp_path / "zone").stdout.splitlines()

    return run


def test_an_address_is_looked_at_and_its_signals_are_told_with_their_reasons(check: Callable[..., list[str]]) -> None:
    assert check("Jane <jane@examp1e.com>") == [
        "lookalike (strong): examp1e.com looks like example.com (confusable)",
        "spoof would quarantine",
    ]
    assert check("=?utf-8?B?G10wO3B3bgdhQGIuY2M=?= <a@exemplar.com>")[0].isprintable()
    assert check("a@xn--ab-8kc8008s.com")[-1].isprintable()
    assert check("x" * 300 + " <a@exemplar.com>")
    assert check("a@exemplar.com") == ["no signal"]


def test_a_message_is_looked_at_as_it_is(check: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "message.eml").write_text("From: a@exemplar.com\nSubject: a\nSubject: b\n\nBody.\n")
    assert check(str(tmp_path / "message.eml")) == ["repeated_header (weak): repeated: subject"]


def test_a_bare_domain_is_looked_at_as_the_authors(check: Callable[..., list[str]]) -> None:
    assert check("examp1e.com")[0] == "lookalike (strong): examp1e.com looks like example.com (confusable)"


@pytest.mark.parametrize("what", ["missing.eml", "folder/missing.eml", "nonsense", "."])
def test_what_is_no_file_and_no_address_is_refused(
    relayguard: Run, config: Callable[[str], Path], what: str, tmp_path: Path
) -> None:
    (tmp_path / "zone").write_text(ZONE)
    path = config(CONFIGURATION.format('"spf", "dkim", "spoof"'))
    refused = relayguard("spoof", "check", what, "-c", path, "--zone", tmp_path / "zone")
    assert refused.returncode == 2
    assert what in refused.stderr


def test_mail_through_a_relay_of_ours_is_said_not_to_be_judged(
    relayguard: Run, config: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "zone").write_text(ZONE)
    path = config('trusted_relays = ["192.0.2.0/24"]\n' + CONFIGURATION.format('"spf", "dkim", "spoof"'))
    said = relayguard("spoof", "check", "a@examp1e.com", "-c", path, "--zone", tmp_path / "zone").stdout
    assert said.startswith("not judged: 192.0.2.1 is one of trusted_relays")


def test_without_the_filter_nothing_can_be_said(
    relayguard: Run, config: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "zone").write_text(ZONE)
    path = config('authserv_id = "mx.example.com"\nfilters = ["author"]\n')
    refused = relayguard("spoof", "check", "a@example.com", "-c", path, "--zone", tmp_path / "zone")
    assert refused.returncode == 1
    assert "is it named in 'filters'?" in refused.stderr
