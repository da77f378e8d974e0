import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from relayguard import (
    AddHeader,
    AuthResult,
    Defer,
    DeleteHeader,
    Effect,
    Envelope,
    Failed,
    Failure,
    Header,
    Headers,
    Outcome,
    Quarantine,
    Reject,
    ReplaceBody,
    Reported,
    Result,
    Results,
    Session,
    Stage,
    Watch,
    hookimpl,
)
from relayguard.pipeline.breaker import FAILURES, PAUSE_SECONDS
from relayguard.pipeline.dispatch import BUDGETS
from relayguard.pipeline.envelope_log import EnvelopeLog
from relayguard.pipeline.filters import Policy
from relayguard.pipeline.transaction import Ending
from tests.relayguard.pipeline.rig import DEFERRING, SHADOW, STRANGER, Hands, Rig, run, send

SHORT = dict.fromkeys(Stage, 0.02)


class Broken:
    """Finds something, then breaks, at the end of the headers."""

    def __init__(self, how: Callable[[], Effect]) -> None:
        self._how = how

    @hookimpl
    def mail_from(self) -> Iterator[Effect]:
        yield AuthResult()

    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        yield AuthResult()
        yield Reject()
        yield AddHeader("X-Broken", "yes")
        yield self._how()


class Late:
    def __init__(self) -> None:
        self.cancelled = False

    @hookimpl
    async def end_of_headers(self) -> AsyncIterator[Effect]:
        yield AuthResult()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Healthy:
    """Works, and looks at what the others found."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    @hookimpl
    def end_of_message(self, results: Results) -> Iterator[Effect]:
        self.failed = {failure.filter for failure in results.of(Failed)}
        yield AddHeader("X-Healthy", "yes")


class Unreportable(Result):
    def reported(self) -> Reported:
        return Reported("no keyword", "pass")


def raising() -> Effect:
    raise RuntimeError("no disk\r\nleft")


def leaving() -> Effect:
    raise SystemExit(3)


def cancelling() -> Effect:
    raise asyncio.CancelledError


class Scored(Result):
    def reported(self) -> Reported:
        return Reported("x-score", "pass", (("policy", "score", 7),))  # type: ignore[arg-type]  # a likely mistake


class Talking(Result):
    def reported(self) -> Reported:
        return "x-score=7"  # type: ignore[return-value]  # another


def returning(thing: object) -> Callable[[], Effect]:
    return lambda: thing  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        pytest.param(raising, Failure.EXCEPTION, id="raises"),
        pytest.param(cancelling, Failure.EXCEPTION, id="awaits what it cancelled"),
        pytest.param(Scored, Failure.EXCEPTION, id="reports a number"),
        pytest.param(Talking, Failure.ILLEGAL, id="reports a text"),
        pytest.param(lambda: Reject(text=None), Failure.EXCEPTION, id="rejects with no text"),  # type: ignore[arg-type]
        pytest.param(lambda: ReplaceBody("text"), Failure.EXCEPTION, id="replaces the body by a str"),  # type: ignore[arg-type]
        pytest.param(leaving, Failure.EXCEPTION, id="calls sys.exit"),
        pytest.param(returning(None), Failure.ILLEGAL, id="yields None"),
        pytest.param(returning("reject"), Failure.ILLEGAL, id="yields a string"),
        pytest.param(returning(Reject), Failure.ILLEGAL, id="yields a class"),
        pytest.param(
            returning(DeleteHeader(Header("X", b" of another message", 7))), Failure.ILLEGAL, id="foreign header"
        ),
        pytest.param(returning(Unreportable()), Failure.EXCEPTION, id="result that cannot be reported"),
    ],
)
def test_a_broken_filter_loses_its_findings_of_that_stage_and_nothing_else(
    how: Callable[[], Effect], kind: Failure
) -> None:
    healthy = Healthy()
    rig = Rig(Broken(how), healthy)
    ending = send(rig)
    assert ending.decision.outcome is Outcome.ACCEPTED
    assert [step.name for step in ending.steps if isinstance(step, AddHeader)] == [
        "X-Healthy",
        "Authentication-Results",
    ]
    results = rig.seen.records[0].results
    assert list(results) == [AuthResult(), Failed(filter="broken", stage=Stage.END_OF_HEADERS, kind=kind)]
    assert healthy.failed == {"broken"}


def test_a_filter_that_takes_too_long_is_cancelled_and_the_message_goes_on() -> None:
    late = Late()
    rig = Rig(late, Healthy(), budgets=SHORT)
    assert send(rig).decision.outcome is Outcome.ACCEPTED
    failed = Failed(filter="late", stage=Stage.END_OF_HEADERS, kind=Failure.TIMEOUT)
    assert list(rig.seen.records[0].results) == [failed]
    assert late.cancelled


class Quick:
    @hookimpl
    async def end_of_headers(self) -> AsyncIterator[Effect]:
        await asyncio.sleep(0)
        yield AuthResult()


def test_a_filter_that_took_all_the_time_costs_the_later_ones_nothing() -> None:
    rig = Rig(Late(), Quick(), budgets=SHORT)
    send(rig)
    assert rig.seen.records[0].results.of(AuthResult) == (AuthResult(),)
    assert not rig.seen.records[0].results.failed("quick")


def test_the_line_of_a_timeout_says_where_the_filter_waited() -> None:
    rig = Rig(Late(), budgets=SHORT)
    send(rig)
    (trace,) = [run.trace for run in rig.seen.runs if run.trace]
    assert "test_dispatch.py" in trace
    assert "in end_of_headers" in trace


class Impatient:
    @hookimpl
    async def mail_from(self) -> AsyncIterator[Effect]:
        raise TimeoutError("of its own")
        yield AuthResult()


def test_a_timeout_of_the_filters_own_is_an_exception() -> None:
    rig = Rig(Impatient())
    send(rig)
    assert [failure.kind for failure in rig.seen.records[0].results.of(Failed)] == [Failure.EXCEPTION]


def test_on_failure_defer_asks_the_client_to_come_back() -> None:
    rig = Rig(Broken(raising), policy=DEFERRING)
    decision = send(rig).decision
    assert (decision.outcome, decision.filter) == (Outcome.DEFERRED, "broken")
    assert isinstance(decision.verdict, Defer)
    assert (decision.verdict.code, decision.verdict.enhanced) == (451, "4.3.0")


def test_on_failure_defer_of_a_shadow_filter_only_would_have_deferred() -> None:
    policy = type(SHADOW)(SHADOW.modes, DEFERRING.on_failure)
    rig = Rig(Broken(raising), policy=policy)
    assert send(rig).decision.outcome is Outcome.ACCEPTED
    assert rig.seen.records[0].would_be.outcome is Outcome.DEFERRED


class BrokenSigner:
    @hookimpl
    def outgoing(self) -> Iterator[Effect]:
        raise RuntimeError
        yield AddHeader("X", "y")


def test_a_message_that_could_not_be_signed_is_deferred_if_the_signer_wants_it_so() -> None:
    rig = Rig(BrokenSigner(), policy=DEFERRING)
    ending = send(rig)
    assert (ending.decision.outcome, ending.steps) == (Outcome.DEFERRED, ())
    assert send(Rig(BrokenSigner())).decision.outcome is Outcome.ACCEPTED
    assert rig.seen.records[0].results.failed("brokensigner")


class Counting:
    def __init__(self, fails_at: int) -> None:
        self.fed: list[bytes] = []
        self._fails_at = fails_at

    def feed(self, chunk: bytes, /) -> None:
        self.fed.append(chunk)
        if len(self.fed) == self._fails_at:
            raise ValueError("bad chunk")


class Watching:
    def __init__(self, reader: Counting) -> None:
        self.reader = reader

    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        yield Watch(self.reader)


class AlsoWatching(Watching):
    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        yield Watch(self.reader)


CHUNKS = [b"one", b"two", b"three"]


def test_a_reader_sees_the_body_in_order() -> None:
    reader = Counting(0)
    send(Rig(Watching(reader)), body=CHUNKS)
    assert reader.fed == CHUNKS


def test_a_reader_that_raises_is_fed_no_more_and_the_others_are() -> None:
    broken, healthy = Counting(2), Counting(0)
    rig = Rig(Watching(broken), AlsoWatching(healthy))
    assert send(rig, body=CHUNKS).decision.outcome is Outcome.ACCEPTED
    assert (broken.fed, healthy.fed) == (CHUNKS[:2], CHUNKS)
    failed = Failed(filter="watching", stage=Stage.END_OF_HEADERS, kind=Failure.EXCEPTION)
    assert list(rig.seen.records[0].results) == [failed]


def test_a_reader_that_raises_defers_if_its_filter_is_to_defer() -> None:
    rig = Rig(Watching(Counting(1)), policy=DEFERRING)
    assert send(rig, body=CHUNKS).decision.outcome is Outcome.DEFERRED


class Everything:
    """Takes a subset of the arguments, in an order of its own."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl
    def end_of_headers(self, results: Results, headers: Headers, envelope: Envelope, session: Session) -> None:
        self.seen = [type(each) for each in (results, headers, envelope, session)]


def test_arguments_are_given_by_name() -> None:
    everything = Everything()
    send(Rig(everything))
    assert everything.seen == [Results, Headers, Envelope, Session]


class Returning:
    @hookimpl
    def mail_from(self) -> object:
        return 3

    @hookimpl
    def end_of_headers(self) -> object:
        return [AuthResult()]

    @hookimpl
    def end_of_message(self) -> object:
        return None


def test_a_plain_hook_may_return_its_effects_as_a_list_or_none() -> None:
    rig = Rig(Returning())
    send(rig)
    assert [type(result) for result in rig.seen.records[0].results] == [Failed, AuthResult]
    assert [run.failed is None for run in rig.seen.runs] == [False, True, True]


def test_the_record_of_a_failure_tells_where_the_filter_broke() -> None:
    rig = Rig(Broken(raising))
    send(rig)
    (trace,) = [run.trace for run in rig.seen.runs if run.failed]
    assert trace is not None
    assert trace.startswith("RuntimeError: no disk")
    assert f"{__file__}:" in trace
    assert "/dispatch.py" not in trace


class Judge:
    @hookimpl
    def mail_from(self) -> Iterator[Effect]:
        yield Quarantine()


def test_a_verdict_in_shadow_mode_only_would_have_been() -> None:
    rig = Rig(Judge(), policy=SHADOW)
    assert send(rig).decision.outcome is Outcome.ACCEPTED
    assert rig.seen.records[0].would_be.outcome is Outcome.QUARANTINED


def test_no_stage_may_take_longer_than_the_mta_waits() -> None:
    commands = (Stage.CONNECT, Stage.HELO, Stage.MAIL_FROM, Stage.RCPT_TO)
    assert all(BUDGETS[stage] < 30 for stage in commands)
    assert sum(BUDGETS[stage] for stage in set(Stage) - set(commands)) < 300


class Ailing:
    def __init__(self) -> None:
        self.calls = 0
        self.ails = True

    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        self.calls += 1
        if self.ails:
            raise RuntimeError("no disk")
        yield AuthResult()


@pytest.mark.parametrize(("policy", "outcome"), [(Policy(), Outcome.ACCEPTED), (DEFERRING, Outcome.DEFERRED)])
def test_a_filter_that_keeps_failing_is_not_called_and_its_failure_policy_holds(
    policy: Policy, outcome: Outcome
) -> None:
    ailing, hands = Ailing(), Hands()
    rig = Rig(ailing, policy=policy, monotonic=hands)
    for _ in range(FAILURES + 3):
        assert send(rig).decision.outcome is outcome
    assert ailing.calls == FAILURES
    kinds = [record.results.of(Failed)[0].kind for record in rig.seen.records]
    assert kinds == [Failure.EXCEPTION] * FAILURES + [Failure.OPEN] * 3
    assert rig.seen.breakers == [("ailing", Stage.END_OF_HEADERS, True)]
    assert rig.sample("relayguard_filter_breaker_open") == 1


class Everywhere:
    """Breaks at one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def _break(self, stage: Stage) -> None:
        if stage is self._stage:
            raise RuntimeError("no disk")

    @hookimpl
    def connect(self) -> None:
        self._break(Stage.CONNECT)

    @hookimpl
    def helo(self) -> None:
        self._break(Stage.HELO)

    @hookimpl
    def mail_from(self) -> None:
        self._break(Stage.MAIL_FROM)

    @hookimpl
    def rcpt_to(self) -> None:
        self._break(Stage.RCPT_TO)

    @hookimpl
    def end_of_headers(self) -> None:
        self._break(Stage.END_OF_HEADERS)

    @hookimpl
    def end_of_message(self) -> None:
        self._break(Stage.END_OF_MESSAGE)

    @hookimpl
    def outgoing(self) -> None:
        self._break(Stage.OUTGOING)

    @hookimpl
    def decided(self) -> None:
        self._break(Stage.DECIDED)


async def replies(rig: Rig) -> list[object]:
    """Go on through every stage in a session of its own, whatever was said before; return what was refused."""
    connection = rig.pipeline.open()
    said: list[object] = [await connection.connect(STRANGER), await connection.helo("client.example", {})]
    said.append(await connection.mail_from(b"<a@example.org>", [], {}))
    said.append(await connection.rcpt_to(b"<b@example.com>"))
    await connection.end_of_headers([("From", b" a@example.org")], None)
    ending = await connection.end_of_message(None)
    said.append(ending.decision.verdict if ending is not None else None)
    await connection.close()
    return [each for each in said if each is not None]


@pytest.mark.parametrize("stage", Stage)
def test_while_a_filter_is_not_called_it_defers_wherever_it_could(stage: Stage) -> None:
    async def test() -> list[list[object]]:
        return [await replies(rig) for _ in range(FAILURES + 2)]

    rig = Rig(Everywhere(stage), policy=DEFERRING, monotonic=Hands())
    said = asyncio.run(test())
    assert [run.failed.kind for run in rig.seen.runs if run.failed and run.stage is stage][FAILURES:] == [
        Failure.OPEN
    ] * 2
    # Closed or open, it is the same to the client; nothing can be deferred once all is decided.
    assert said == [said[0]] * (FAILURES + 2)
    assert {type(verdict) for verdict in said[0]} == (set() if stage is Stage.DECIDED else {Defer})


def test_while_a_filter_is_not_called_the_later_ones_see_that_its_findings_are_missing() -> None:
    healthy = Healthy()
    rig = Rig(Ailing(), healthy, monotonic=Hands())
    for _ in range(FAILURES + 1):
        healthy.failed = set()
        send(rig)
    assert rig.seen.records[-1].results.of(Failed)[0].kind is Failure.OPEN
    assert healthy.failed == {"ailing"}


def test_while_a_shadow_filter_is_not_called_it_only_would_have_deferred() -> None:
    rig = Rig(Ailing(), policy=type(SHADOW)(SHADOW.modes, DEFERRING.on_failure), monotonic=Hands())
    for _ in range(FAILURES + 1):
        assert send(rig).decision.outcome is Outcome.ACCEPTED
    assert rig.seen.records[-1].would_be.outcome is Outcome.DEFERRED


def test_a_filter_that_has_recovered_is_called_again() -> None:
    ailing, hands = Ailing(), Hands()
    rig = Rig(ailing, monotonic=hands)
    for _ in range(FAILURES + 1):
        send(rig)
    ailing.ails = False
    hands.seconds += PAUSE_SECONDS
    for _ in range(2):
        send(rig)
    assert ailing.calls == FAILURES + 2
    assert rig.seen.breakers[-1] == ("ailing", Stage.END_OF_HEADERS, False)
    assert rig.sample("relayguard_filter_breaker_open") == 0


def test_an_open_breaker_is_logged_once_and_not_for_each_message() -> None:
    lines: list[str] = []

    class Lines:
        def error(self, event: str, **_: object) -> None:
            lines.append(event)

        info = error

    log = EnvelopeLog(Lines())  # type: ignore[arg-type]  # all that it is asked for
    rig = Rig(Ailing(), monotonic=Hands())
    for _ in range(FAILURES + 5):
        send(rig)
    for hook_run in rig.seen.runs:
        log.hook_ran(hook_run, None)
    for name, stage, is_open in rig.seen.breakers:
        log.breaker_changed(name, stage, is_open=is_open)
    assert lines == ["filter failed"] * FAILURES + ["filter keeps failing and is not called"]


class Blocking:
    """Watches and judges from its threads; it hangs at the end of the headers where it is told to."""

    blocking = True

    def __init__(self, *, hangs: bool = False) -> None:
        self.reader = Counting(0)
        self.thread = ""
        self.let_go = threading.Event()
        if not hangs:
            self.let_go.set()

    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        yield Watch(self.reader)
        self.let_go.wait(60)
        yield AuthResult()

    @hookimpl
    def end_of_message(self) -> Iterator[Effect]:
        self.thread = threading.current_thread().name
        yield AddHeader("X-Read", str(len(self.reader.fed)))
        yield Quarantine()


def test_what_a_thread_yields_is_sorted_as_always() -> None:
    blocking = Blocking()
    rig = Rig(blocking)
    ending = send(rig, body=CHUNKS)
    assert blocking.thread == "blocking-1"
    assert ending.decision.outcome is Outcome.QUARANTINED
    assert AddHeader("X-Read", "3") in ending.steps
    assert list(rig.seen.records[0].results) == [AuthResult()]


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayguard.pipeline.dispatch._GRACE", 0.0)


@pytest.mark.usefixtures("no_grace")
def test_a_filter_that_hangs_in_its_thread_costs_its_findings_and_nothing_of_it_comes_late() -> None:
    blocking = Blocking(hangs=True)
    rig = Rig(blocking, Healthy(), budgets=dict.fromkeys(Stage, 60.0) | {Stage.END_OF_HEADERS: 0.05})

    async def test(rig: Rig) -> Ending:
        await rig.mail()
        await rig.rcpt()
        await rig.connection.end_of_headers([("From", b" a@example.org")], None)
        blocking.let_go.set()
        await rig.connection.body(b"hello")
        ending = await rig.connection.end_of_message(None)
        assert ending is not None
        return ending

    ending = run(rig, test)
    assert blocking.reader.fed == []
    assert AddHeader("X-Healthy", "yes") in ending.steps
    failed = Failed(filter="blocking", stage=Stage.END_OF_HEADERS, kind=Failure.TIMEOUT)
    assert list(rig.seen.records[0].results) == [failed]
    (trace,) = [run.trace for run in rig.seen.runs if run.trace]
    assert "its thread was at " in trace
    assert "test_dispatch.py" in trace


@pytest.mark.usefixtures("no_grace")
def test_a_filter_that_hangs_in_all_its_threads_is_not_called_any_more_and_mail_flows_on() -> None:
    blocking = Blocking(hangs=True)
    rig = Rig(blocking, Healthy(), budgets=dict.fromkeys(Stage, 60.0) | {Stage.END_OF_HEADERS: 0.01})

    async def test(rig: Rig) -> None:
        for _ in range(FAILURES + 1):
            assert AddHeader("X-Healthy", "yes") in (await rig.message()).steps

    try:
        run(rig, test)
    finally:
        blocking.let_go.set()
    kinds = [record.results.of(Failed)[0].kind for record in rig.seen.records]
    assert kinds == [Failure.TIMEOUT] * FAILURES + [Failure.OPEN]


class HangsForOne:
    """Waits at the first sender for the second."""

    blocking = True

    def __init__(self) -> None:
        self.second = threading.Event()

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        if envelope.sender.local == "first":
            assert self.second.wait(60)
        yield AuthResult()

    @hookimpl
    def decided(self, envelope: Envelope) -> None:
        if envelope.sender.local == "second":
            self.second.set()


def test_other_mail_flows_while_a_filter_waits_in_its_thread() -> None:
    rig = Rig(HangsForOne())

    async def test(rig: Rig) -> None:
        first = asyncio.create_task(rig.mail("first@example.org"))
        other = rig.pipeline.open()
        await other.connect(STRANGER)
        await other.mail_from(b"<second@example.org>", [], {})
        await other.close()
        assert await first is None

    run(rig, test)
    assert [str(record.envelope.sender) for record in rig.seen.records] == ["second@example.org", "first@example.org"]
    assert not [run for run in rig.seen.runs if run.failed]


def test_a_session_that_goes_while_a_thread_works_leaves_nothing_behind() -> None:
    blocking = Blocking(hangs=True)
    rig = Rig(blocking)

    async def test(rig: Rig) -> None:
        await rig.mail()
        await rig.rcpt()
        task = asyncio.create_task(rig.connection.end_of_headers([("From", b" a@example.org")], None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await rig.connection.close()
        blocking.let_go.set()

    run(rig, test)
    assert rig.seen.outcomes == [Outcome.ABORTED]
    assert not [run for run in rig.seen.runs if run.failed]


class Slow:
    """Holds the loop wherever it can."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def feed(self, chunk: bytes, /) -> None:
        self._hands.seconds += len(chunk)

    @hookimpl
    def mail_from(self) -> Iterator[Effect]:
        self._hands.seconds += 1
        yield AuthResult()

    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        yield Watch(self)

    @hookimpl
    async def end_of_message(self) -> AsyncIterator[Effect]:
        self._hands.seconds += 2
        yield AuthResult()


def test_whatever_of_a_filter_holds_the_loop_is_named_and_what_can_leave_it_does() -> None:
    hands = Hands()
    rig = Rig(Slow(hands), timer=hands)
    for _ in range(2):
        send(rig, body=[b"x" * 3, b"", b"x" * 4])
    reader, judge = ("slow", Stage.END_OF_HEADERS), ("slow", Stage.END_OF_MESSAGE)
    rest = [(*reader, 3, False), (*reader, 4, False), (*judge, 2, False)]
    assert rig.seen.holds == [("slow", Stage.MAIL_FROM, 1, True), *rest, *rest]
    assert rig.sample("relayguard_filter_loop_held_total") == 7
