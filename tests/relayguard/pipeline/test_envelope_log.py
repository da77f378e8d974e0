import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from relayguard import (
    Address,
    AuthResult,
    Decision,
    Defer,
    Effect,
    Outcome,
    Quarantine,
    Reject,
    Reported,
    Stage,
    hookimpl,
)
from relayguard.log import make_logger
from relayguard.pipeline.envelope_log import HOLD_PAUSE_SECONDS, EnvelopeLog, reply_of, shown
from tests.relayguard.pipeline.rig import SHADOW, Hands, Recorder, Rig, run


class Judge:
    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        if recipient.local == "nobody":
            yield Reject()

    @hookimpl
    def end_of_message(self) -> Iterator[Effect]:
        yield AuthResult()
        yield Reject(text="No\nspam", code=554)


class Broken:
    @hookimpl
    def mail_from(self) -> Iterator[Effect]:
        raise RuntimeError("bad\r\nthing")
        yield AuthResult()


def lines_of(seen: Recorder) -> list[dict[str, Any]]:
    stream = StringIO()
    log = EnvelopeLog(make_logger("json", "info", stream))
    for hook_run in seen.runs:
        log.hook_ran(hook_run, seen.begun[0] if seen.begun else None)
    for record in seen.records:
        log.connected(record.session)
        log.began(record.envelope)
        log.decided(record)
        log.closed(record.session)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def sent(rig: Rig, sender: str = "a@example.org") -> list[dict[str, Any]]:
    async def test(rig: Rig) -> None:
        await rig.mail(sender)
        await rig.rcpt("nobody@example.com")
        await rig.rcpt()
        await rig.data(("Authentication-Results", b" mx.example.com; x"))

    run(rig, test)
    return lines_of(rig.seen)


def test_one_line_answers_why_a_message_was_rejected() -> None:
    (line,) = sent(Rig(Judge()))
    assert line["milliseconds"] >= 0
    assert {key: line[key] for key in line if key not in ("timestamp", "milliseconds", "size", "level")} == {
        "event": "envelope",
        "queue_id": "4ABC",
        "role": "incoming",
        "listener": "default",
        "client": "192.0.2.1",
        "helo": "client.example",
        "sender": "a@example.org",
        "recipients": 1,
        "results": ["auth=pass"],
        "decision": "rejected",
        "filter": "judge",
        "reply": "554 5.7.1 No / spam",
        "recipients_refused": 1,
    }


def test_the_line_of_a_message_in_shadow_mode_tells_what_would_have_been() -> None:
    (line,) = sent(Rig(Judge(), policy=SHADOW))
    assert (line["decision"], line["filter"], line["reply"]) == ("accepted", None, None)
    assert (line["would_be"], line["would_be_filter"]) == ("rejected", "judge")
    assert line["would_be_reply"] == "554 5.7.1 No / spam"
    assert line["headers_stripped"] == 1
    assert line["recipients_would_be_refused"] == 1
    assert "recipients_refused" not in line


def test_who_holds_the_loop_is_named_once_a_minute_and_each_time_a_hook_moves() -> None:
    stream, hands = StringIO(), Hands()
    log = EnvelopeLog(make_logger("json", "info", stream), hands)
    for _ in range(3):
        log.loop_held("slow", Stage.END_OF_MESSAGE, 0.25, moved=False)
        log.loop_held("slow", Stage.HELO, 0.5, moved=False)
    log.loop_held("slow", Stage.HELO, 0.75, moved=True)
    hands.seconds = HOLD_PAUSE_SECONDS
    log.loop_held("slow", Stage.END_OF_MESSAGE, 1.0, moved=False)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["stage"], line["milliseconds"]) for line in lines] == [
        ("filter held the event loop", "end_of_message", 250.0),
        ("filter held the event loop", "helo", 500.0),
        ("filter held the event loop and runs in threads from now on", "helo", 750.0),
        ("filter held the event loop", "end_of_message", 1000.0),
    ]
    assert {(line["filter"], line["level"]) for line in lines} == {("slow", "warning")}


def test_a_filter_that_failed_is_named_with_the_place() -> None:
    failure, envelope = sent(Rig(Broken()))
    assert (failure["event"], failure["level"]) == ("filter failed", "error")
    assert (failure["filter"], failure["stage"], failure["kind"]) == ("broken", "mail_from", "exception")
    assert failure["error"].startswith("RuntimeError: bad??thing (")
    assert envelope["decision"] == "accepted"


@pytest.mark.parametrize("sender", ["a\r\nlevel=error", 'a" decision="x', "\u202eb\u00fc@x", "\x1b[2J"])
def test_a_stranger_cannot_write_lines_of_our_log(sender: str) -> None:
    (line,) = sent(Rig(), sender)
    assert line["decision"] == "accepted"
    assert all(" " <= character <= "~" for character in line["sender"])


@pytest.mark.parametrize(
    ("decision", "reply"),
    [
        (Decision(Outcome.ACCEPTED), None),
        (Decision(Outcome.ABORTED), None),
        (Decision(Outcome.DEFERRED, Defer(text="Later"), "x"), "451 4.7.1 Later"),
        (Decision(Outcome.QUARANTINED, Quarantine(reason="spam\r\n"), "x"), "spam??"),
    ],
)
def test_the_reply_is_what_the_client_or_the_queue_was_told(decision: Decision, reply: str | None) -> None:
    assert reply_of(decision) == reply


def test_a_result_is_shown_as_people_write_it() -> None:
    entry = Reported("spf", "fail", (("smtp", "mailfrom", "a@b\n"),), reason="no\tgood")
    assert shown(entry) == "spf=fail smtp.mailfrom=a@b? (no?good)"
    assert shown(Reported("dkim", "pass", comment="testing\nkey")) == "dkim=pass (testing?key)"


def test_of_a_result_each_value_is_cut_for_itself() -> None:
    long, longer = "b" * 200, "c" * 300
    entry = Reported("spf", "fail", (("smtp", "helo", long), ("smtp", "mailfrom", long), ("policy", "x", longer)))
    assert shown(entry) == f"spf=fail smtp.helo={long} smtp.mailfrom={long} policy.x={'c' * 253}..."
