from collections.abc import Iterator

from relayguard import Address, Body, Effect, Envelope, Headers, hookimpl
from relayguard.cli.negotiation import filter_table, negotiation
from relayguard.pipeline.filters import Mode, Policy
from relayguard.pipeline.registry import Candidate, register


class Least:
    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        yield from ()


class Most:
    macros = frozenset({"{mail_mailer}"})
    blocking = True

    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        yield from ()

    @hookimpl
    def end_of_message(self, headers: Headers, body: Body) -> Iterator[Effect]:
        yield from ()


def lines(*instances: object) -> list[str]:
    filters = register([Candidate(f"filter{n}", each, Policy()) for n, each in enumerate(instances)])
    return [line.strip() for line in negotiation("in", "inet:127.0.0.1:25", filters)]


def test_the_mta_is_asked_for_no_more_than_the_filters_need() -> None:
    assert lines(Least()) == [
        "listener in (inet:127.0.0.1:25)",
        "the MTA waits at: mail_from, end_of_message",
        "it goes on without a reply at: connect, helo, rcpt_to, headers, body",
        "it does not send: unknown commands, DATA, the body",
        "body: not asked for",
        "macros at connect: j {daemon_name} {client_addr} {client_port}",
        "macros at helo: {tls_version} {cipher} {cipher_bits}",
        "macros at mail_from: i {auth_type} {auth_authen} {client_addr} {daemon_name}",
        "macros at rcpt_to: i",
        "macros at end_of_headers: i",
        "macros at end_of_message: i",
    ]


def test_a_filter_that_wants_more_makes_the_mta_wait_and_send_more() -> None:
    shown = lines(Least(), Most())
    assert "the MTA waits at: mail_from, rcpt_to, end_of_message" in shown
    assert "it does not send: unknown commands, DATA" in shown
    assert "body: kept" in shown
    assert "macros at mail_from: i {auth_type} {auth_authen} {client_addr} {daemon_name} {mail_mailer}" in shown


def test_the_table_says_which_filters_run_in_threads_and_in_which_mode() -> None:
    modes = {**Policy().modes, next(iter(Policy().modes)): Mode.SHADOW}
    filters = register([Candidate("most", Most(), Policy(modes))])
    table = filter_table(filters)
    cells = [str(cell) for column in table.columns for cell in column.cells]
    assert "most\n(in threads)" in cells
    assert any("shadow" in cell and "enforce" in cell for cell in cells)
