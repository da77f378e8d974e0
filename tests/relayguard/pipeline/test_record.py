from relayguard import Body, Outcome, Stage, hookimpl
from relayguard.pipeline.record import Observers
from relayguard.testing import a_session, an_envelope
from tests.relayguard.pipeline.rig import Recorder, Rig, send


def test_every_observer_is_told_everything() -> None:
    first, second = Recorder(), Recorder()
    both = Observers([first, second])
    rig = Rig()
    send(rig)
    both.connected(a_session())
    both.began(an_envelope())
    both.breaker_changed("spf", Stage.HELO, is_open=True)
    both.loop_held("spf", Stage.HELO, 0.2, moved=True)
    both.decided(rig.seen.records[0])
    both.closed(a_session())
    assert first == second
    assert first.sessions == ["connected", "closed"]
    assert first.outcomes == [Outcome.ACCEPTED]
    assert len(first.begun) == 1
    assert first.breakers == [("spf", Stage.HELO, True)]
    assert first.holds == [("spf", Stage.HELO, 0.2, True)]


def test_where_no_filter_wants_the_body_the_size_is_not_known() -> None:
    rig = Rig()
    send(rig)
    assert rig.seen.records[0].size == 0


class OfBody:
    @hookimpl
    def end_of_message(self, body: Body) -> None:
        assert body.size


def test_the_record_holds_what_is_needed_to_explain_the_envelope() -> None:
    rig = Rig(OfBody())
    send(rig, ("From", b" a@example.org"), body=[b"12345"])
    record = rig.seen.records[0]
    assert (record.envelope.queue_id, str(record.envelope.sender)) == ("4ABC", "a@example.org")
    assert record.size == len("From: a@example.org\r\n") + 5
    assert record.would_be == record.decision
    assert record.authentication_results == "mx.example.com; none"
    assert record.seconds >= 0
