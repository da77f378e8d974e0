"""Both transports on the wire: verdicts, edits, and what an MTA and a filter may do to them."""

from pathlib import Path

import pytest

from relayguard.milter.protocol import Protocol, Response
from relayguard.pipeline.breaker import FAILURES
from relayguard.testing.daemon import sample
from relayguard.testing.milter_client import CONTINUE, Judged, MilterClient, Reply
from tests.conftest import Serve, Served

PLAIN = b"From: a@example.net\r\nSubject: hello\r\n\r\nbody\r\n"


@pytest.fixture(scope="module", params=["unix", "tcp"])
def served(request: pytest.FixtureRequest, serve: Serve, transport: str) -> Served:
    return serve(tcp=request.param == "tcp", transport=transport)


def deliver(served: Served, *headers: str, sender: bytes = b"<sender@example.org>") -> Judged:
    raw = "".join(f"{header}\r\n" for header in headers).encode() + PLAIN
    with served.connect() as client:
        client.connect()
        client.helo()
        return client.deliver(raw, sender)


def with_an_envelope(served: Served) -> MilterClient:
    client = served.connect()
    client.connect()
    client.helo()
    client.mail_from()
    client.rcpt_to()
    return client


def reply(text: str) -> Reply:
    return Reply(Response.REPLY, text)


NO = reply("554 5.7.0 No, thank you")
LATER = reply("450 4.7.9 Not now")


def test_ordinary_mail_is_accepted_with_one_authentication_results_header(served: Served) -> None:
    judged = deliver(served)
    assert judged.reply == CONTINUE
    assert judged.added("Authentication-Results") == [" mx.example.com; none"]


@pytest.mark.parametrize(("word", "expected"), [("reject", NO), ("defer", LATER)])
def test_a_refusal_at_helo_has_its_own_code_and_text(served: Served, word: str, expected: Reply) -> None:
    with served.connect() as client:
        client.connect()
        assert client.helo(f"{word}.example".encode()) == expected


@pytest.mark.parametrize(("word", "expected"), [("reject", NO), ("defer", LATER)])
def test_a_refusal_of_the_sender_has_its_own_code_and_text(served: Served, word: str, expected: Reply) -> None:
    with served.connect() as client:
        client.connect()
        client.helo()
        assert client.mail_from(f"<{word}@example.org>".encode()) == expected


def test_a_recipient_is_refused_alone_and_the_others_get_the_message(served: Served) -> None:
    with served.connect() as client:
        client.connect()
        client.helo()
        client.mail_from()
        replies = [client.rcpt_to(f"<{name}@example.com>".encode()) for name in ("bob", "reject", "defer", "carol")]
        assert replies == [CONTINUE, NO, LATER, CONTINUE]
        assert client.message(PLAIN).reply == CONTINUE


@pytest.mark.parametrize("header", ["X-Do", "X-Do-At-End"])
@pytest.mark.parametrize(
    ("word", "expected"),
    [("reject", NO), ("defer", LATER), ("discard", Reply(Response.DISCARD)), ("quarantine", CONTINUE)],
)
def test_a_verdict_on_the_message_is_given_when_it_has_ended(
    served: Served, header: str, word: str, expected: Reply
) -> None:
    assert deliver(served, f"{header}: {word}").reply == expected


def test_a_quarantined_message_tells_the_postmaster_why(served: Served) -> None:
    edits = deliver(served, "X-Do: quarantine").edits
    assert [edit.texts for edit in edits if edit.kind is Response.QUARANTINE] == [(b"held by test",)]


def test_a_per_cent_sign_in_a_reply_arrives_as_it_is(served: Served) -> None:
    assert deliver(served, "X-Do: percent").reply == reply("550 5.7.1 100% sure: %s %d %")


def test_a_reply_of_several_lines_repeats_its_codes_on_each(served: Served) -> None:
    expected = "550-5.7.1 first line\r\n550-5.7.1 second line\r\n550 5.7.1 third?line"
    assert deliver(served, "X-Do: lines").reply == reply(expected)


def test_a_reply_holds_nothing_but_printable_ascii(served: Served) -> None:
    assert deliver(served, "X-Do: eight-bit").reply == reply("550 5.7.1 gr?? dich ??")


def test_a_reply_that_is_too_long_is_cut_instead_of_lost(served: Served) -> None:
    text = deliver(served, "X-Do: long").reply.text
    assert text.startswith("550 5.7.1 xxx")
    assert text.endswith("...")


def test_an_edit_asked_for_at_mail_from_is_made_when_the_message_has_ended(served: Served) -> None:
    assert deliver(served, sender=b"<early-edit@example.org>").added("X-Early") == [" asked for at MAIL FROM"]


def test_headers_are_deleted_from_the_highest_index_down(served: Served) -> None:
    old = [f"X-Old: {number}" for number in range(5)]
    assert deliver(served, *old, "X-Do-At-End: delete").deleted == [("X-Old", 5), ("X-Old", 3), ("X-Old", 1)]


def test_a_new_header_has_its_leading_space_and_its_folds(served: Served) -> None:
    judged = deliver(served, "X-Do-At-End: add")
    assert judged.added("X-Top") == [" on top"]
    assert judged.added("X-Bottom") == [" folded\n below"]


def test_a_header_may_hold_utf_8(served: Served) -> None:
    assert deliver(served, "X-Do-At-End: utf8").added("X-Greeting") == [" grüß dich"]


@pytest.mark.parametrize(
    ("word", "kind", "texts"),
    [
        ("body", Response.REPLACE_BODY, (b"a new body\r\n",)),
        ("add-recipient", Response.ADD_RECIPIENT, (b"<carol@example.com>",)),
        ("delete-recipient", Response.DELETE_RECIPIENT, (b"<bob@example.com>",)),
        ("sender", Response.CHANGE_SENDER, (b"<other@example.org>",)),
        ("change", Response.CHANGE_HEADER, (b"Subject", b" changed")),
    ],
)
def test_every_kind_of_edit_reaches_the_mta(
    served: Served, word: str, kind: Response, texts: tuple[bytes, ...]
) -> None:
    assert texts in [edit.texts for edit in deliver(served, f"X-Do-At-End: {word}").edits if edit.kind is kind]


def test_a_signer_sees_the_message_as_it_will_leave(served: Served) -> None:
    (seen,) = deliver(served, "X-Old: 1", "X-Do-At-End: delete").added("X-Seen")
    names = seen.strip().split(",")
    assert names[0] == "Authentication-Results"
    assert "X-Old" not in names


def test_filters_run_on_the_event_loop_never_on_a_thread_of_the_transport(served: Served) -> None:
    assert deliver(served).added("X-Thread") == [" MainThread"]


def test_a_filter_that_raises_costs_its_own_findings_and_the_message_goes_on(served: Served) -> None:
    assert deliver(served, "X-Do-At-End: raise").reply == CONTINUE
    failure = served.daemon.events("filter failed")[-1]
    assert (failure["filter"], failure["kind"]) == ("obedient", "exception")


def test_a_filter_that_yields_nonsense_costs_its_own_findings_and_the_message_goes_on(served: Served) -> None:
    assert deliver(served, "X-Do: illegal").reply == CONTINUE
    assert served.daemon.events("filter failed")[-1]["kind"] == "illegal"


def test_while_a_filter_that_keeps_failing_is_not_called_mail_is_deferred_if_it_is_to_defer(serve: Serve) -> None:
    served = serve('"sensitive"', tables='[filter.sensitive]\non_failure = "defer"\n')
    deferred = reply("451 4.3.0 A check could not be completed, please try again later")
    with served.connect() as client:
        client.connect()
        client.helo()
        assert [client.deliver(PLAIN).reply for _ in range(FAILURES + 3)] == [deferred] * (FAILURES + 3)
    assert len(served.daemon.events("filter failed")) == FAILURES
    (opened,) = served.daemon.events("filter keeps failing and is not called")
    assert (opened["filter"], opened["stage"]) == ("sensitive", "end_of_headers")
    metrics = served.metrics()
    assert sample(metrics, "relayguard_filter_breaker_open") == 1
    assert sample(metrics, "relayguard_filter_failures_total") == FAILURES + 3


def test_a_hook_that_held_the_loop_runs_in_threads_from_then_on(serve: Serve) -> None:
    served = serve('"ponderous"')
    with served.connect() as client:
        client.connect()
        client.helo()
        threads = [client.deliver(PLAIN).added("X-Thread") for _ in range(3)]
    assert threads == [[" MainThread"], [" ponderous-1"], [" ponderous-1"]]
    (held,) = served.daemon.events("filter held the event loop and runs in threads from now on")
    assert (held["filter"], held["stage"]) == ("ponderous", "end_of_message")
    assert sample(served.metrics(), "relayguard_filter_loop_held_total") == 1


@pytest.mark.parametrize(
    ("address", "role", "shown"),
    [("2001:db8::7", "incoming", "2001:db8::7"), ("127.0.0.1", "local", "127.0.0.1"), (None, "local", None)],
)
def test_the_role_of_a_client_follows_from_its_address(
    served: Served, address: str | None, role: str, shown: str | None
) -> None:
    before = len(served.daemon.events("envelope"))
    with served.connect() as client:
        client.connect(address=address)
        client.helo()
        client.deliver(PLAIN)
    line = served.daemon.await_events("envelope", before + 1)[before]
    assert (line["role"], line["client"]) == (role, shown)


def test_the_macro_of_a_submission_service_makes_a_submission(served: Served) -> None:
    before = len(served.daemon.events("envelope"))
    with served.connect() as client:
        client.connect(daemon_name=b"ORIGINATING")
        client.helo()
        client.deliver(PLAIN)
    assert served.daemon.await_events("envelope", before + 1)[before]["role"] == "submission"


def test_a_client_that_hangs_up_while_it_is_judged_is_one_envelope_with_one_end(served: Served) -> None:
    before = len(served.daemon.events("envelope"))
    client = with_an_envelope(served)
    client.begin(b"X-Do-At-End: nap\r\n" + PLAIN)
    client.end()
    client.drop()
    served.daemon.await_events("envelope", before + 1)
    deliver(served)
    served.daemon.await_events("envelope", before + 2)
    metrics = served.metrics()
    assert sample(metrics, "relayguard_envelopes_total") == sample(metrics, "relayguard_envelopes_begun_total")


def test_a_line_end_in_a_reason_for_quarantine_reaches_nobody(served: Served) -> None:
    edits = deliver(served, "X-Do: quarantine-lines").edits
    assert [edit.texts for edit in edits if edit.kind is Response.QUARANTINE] == [(b"held?X-Evil: 1",)]


def test_headers_go_to_the_mta_with_bare_line_feeds_however_the_filter_folds(served: Served) -> None:
    assert deliver(served, "X-Do-At-End: crlf").added("X-Folded") == [" one\n two"]


def test_thousands_of_forged_headers_are_refused_instead_of_stripped(served: Served) -> None:
    forged = ["Authentication-Results: mx.example.com; dkim=pass"] * 1000
    judged = deliver(served, *forged)
    assert judged.reply.text == "550 5.7.1 Too many header fields that claim to be ours"
    assert judged.edits == []


@pytest.mark.long
def test_the_mta_is_told_of_progress_while_a_filter_takes_its_time(served: Served) -> None:
    with served.connect() as client:
        client.connect()
        client.helo()
        assert client.deliver(b"X-Do-At-End: wait\r\n" + PLAIN).reply == CONTINUE
        assert client.progress == 1


def test_nothing_a_sender_types_injects_a_header(served: Served) -> None:
    judged = deliver(served, sender=b"<a@b.example\r\nX-Evil: 1>")
    assert len(judged.added("Authentication-Results")) == 1
    assert not judged.added("X-Evil")


def test_what_needs_no_reply_is_negotiated_so_and_macros_are_asked_for(served: Served) -> None:
    with served.connect() as client:
        taken = client.negotiated.protocol
        assert taken & Protocol.NR_HEADER
        assert taken & Protocol.NR_BODY
        assert taken & Protocol.NR_CONNECT
        assert taken & Protocol.LEADING_SPACE
        assert not taken & (Protocol.NR_HELO | Protocol.NR_MAIL | Protocol.NR_RCPT)
        assert "{auth_authen}" in client.requested[2]


def test_an_mta_that_wants_a_reply_to_everything_gets_one(serve: Serve, served: Served) -> None:
    with MilterClient(served.address, offered=0) as client:
        client.connect()
        client.helo()
        judged = client.deliver(PLAIN)
        assert judged.reply == CONTINUE
        # Without the leading-space option the MTA adds the space itself.
        assert judged.added("Authentication-Results") == ["mx.example.com; none"]


def test_an_aborted_message_leaves_nothing_to_the_next_one(served: Served) -> None:
    with served.connect() as client:
        client.connect()
        client.helo()
        client.mail_from(b"<early-edit@example.org>")
        client.rcpt_to()
        client.abort()
        assert client.deliver(PLAIN).added("X-Early") == []
        assert client.deliver(b"X-Do: reject\r\n" + PLAIN).reply == NO
        assert client.deliver(PLAIN).reply == CONTINUE


def test_a_client_that_hangs_up_in_the_middle_is_one_aborted_envelope(served: Served) -> None:
    before = len(served.daemon.events("envelope"))
    client = with_an_envelope(served)
    client.drop()
    assert served.daemon.await_events("envelope", before + 1)[before]["decision"] == "aborted"


def test_fifty_megabytes_of_body_pass_without_being_held_in_memory(served: Served) -> None:
    # The worker's own peak: the supervisor sees no mail.
    (worker,) = served.daemon.workers()
    status = f"/proc/{worker}/status"
    deliver(served)
    before = _peak(status)
    with served.connect() as client:
        client.connect()
        client.helo()
        judged = client.deliver(PLAIN + b"0123456789abcdef" * 4 * 1024 * 800)
    assert judged.added("X-Body-Size") == [str(6 + 64 * 1024 * 800).join((" ", ""))]
    assert _peak(status) - before < 8 * 1024


def _peak(status: str) -> int:
    lines = Path(status).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
