from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from relayguard import (
    AddHeader,
    AddRecipient,
    Address,
    AuthResult,
    Body,
    Cap,
    ChangeHeader,
    Decision,
    Defer,
    DeleteHeader,
    Discard,
    Effect,
    Envelope,
    Headers,
    Message,
    Outcome,
    Quarantine,
    Reject,
    ReplaceBody,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Stage,
    Verdict,
    hookimpl,
)
from relayguard.core.body import SPOOL_BYTES
from relayguard.core.ledger import SetHeader
from relayguard.pipeline.connection import Client
from relayguard.pipeline.forged import name_pattern
from relayguard.pipeline.transaction import Ending
from relayguard.pipeline.visible import HEADER_BLOCK_BYTES, MAX_FIELDS, MAX_TOTAL
from tests.relayguard.pipeline.rig import FROM, RULES, SHADOW, Rig, run, send

OURS = ("Authentication-Results", b" mx.example.com; spf=pass")
THEIRS = ("Authentication-Results", b" mx.example.org; spf=pass")


class At:
    """Yields the given effects at one stage."""

    def __init__(self, stage: Stage, *effects: Effect) -> None:
        self._stage = stage
        self._effects = effects

    def _yield(self, stage: Stage) -> Iterator[Effect]:
        yield from self._effects if stage is self._stage else ()

    @hookimpl
    def mail_from(self) -> Iterator[Effect]:
        return self._yield(Stage.MAIL_FROM)

    @hookimpl
    def rcpt_to(self) -> Iterator[Effect]:
        return self._yield(Stage.RCPT_TO)

    @hookimpl
    def end_of_headers(self) -> Iterator[Effect]:
        return self._yield(Stage.END_OF_HEADERS)

    @hookimpl
    def end_of_message(self) -> Iterator[Effect]:
        return self._yield(Stage.END_OF_MESSAGE)


class Also(At):
    """Another of the kind."""


class Witness:
    """Keeps what the hooks are shown."""

    def __init__(self) -> None:
        self.headers: Headers | None = None
        self.body = b""
        self.decisions: list[Decision] = []
        self.recipients: list[str] = []

    @hookimpl
    def end_of_message(self, headers: Headers, body: Body) -> None:
        self.headers = headers
        self.body = b"".join(body)

    @hookimpl
    def decided(self, envelope: Envelope, results: Results, decision: Decision) -> None:
        self.decisions.append(decision)
        self.recipients = [str(recipient) for recipient in envelope.recipients]


class Signer:
    """Signs what leaves, and keeps what it saw."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body: bytes | None = None

    @hookimpl
    def outgoing(self, message: Message) -> Iterator[Effect]:
        self.headers = [(header.name, header.text) for header in message.headers]
        self.body = b"".join(message.body)
        yield AddHeader("X-Signature", "s")


VERDICTS: list[tuple[Verdict, Outcome]] = [
    (Reject(), Outcome.REJECTED),
    (Defer(), Outcome.DEFERRED),
    (Quarantine(), Outcome.QUARANTINED),
    (Discard(), Outcome.DISCARDED),
]


@pytest.mark.parametrize("stage", [Stage.END_OF_HEADERS, Stage.END_OF_MESSAGE])
@pytest.mark.parametrize(("verdict", "outcome"), VERDICTS)
def test_a_verdict_on_the_message_is_given_when_it_has_ended(
    stage: Stage, verdict: Verdict, outcome: Outcome
) -> None:
    rig = Rig(At(stage, verdict))
    assert send(rig).decision == Decision(outcome, verdict, "at")
    assert rig.seen.outcomes == [outcome]


@pytest.mark.parametrize(("verdict", "outcome"), VERDICTS[2:])
def test_quarantine_and_discard_at_mail_from_wait_for_the_message(verdict: Verdict, outcome: Outcome) -> None:
    assert send(Rig(At(Stage.MAIL_FROM, verdict))).decision.outcome is outcome


@pytest.mark.parametrize(("verdict", "outcome"), VERDICTS[:2])
def test_a_refusal_at_mail_from_saves_the_client_the_rest(verdict: Verdict, outcome: Outcome) -> None:
    async def test(rig: Rig) -> None:
        assert await rig.mail() == verdict
        assert not rig.connection.in_transaction
        assert await rig.rcpt() is None
        assert await rig.connection.end_of_message(None) is None
        assert rig.seen.outcomes == [outcome]

    run(Rig(At(Stage.MAIL_FROM, verdict)), test)


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        (Quarantine(), Reject(), "also"),
        (Reject(), Quarantine(), "at"),
        (Discard(), Defer(), "also"),
        (Reject(text="one"), Reject(text="two"), "at"),
    ],
)
def test_of_the_verdicts_of_several_filters_the_strongest_and_earliest_holds(
    first: Verdict, second: Verdict, holds: str
) -> None:
    rig = Rig(At(Stage.END_OF_MESSAGE, first), Also(Stage.END_OF_MESSAGE, second))
    assert send(rig).decision.filter == holds


class Picky:
    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        if recipient.local == "nobody":
            yield Reject(text="No such user", enhanced="5.1.1")
        if recipient.local == "slow":
            yield Defer()


def test_a_verdict_at_rcpt_is_for_that_recipient_alone() -> None:
    witness = Witness()

    async def test(rig: Rig) -> None:
        await rig.mail()
        refusals = [await rig.rcpt(f"{name}@example.com") for name in ("nobody", "b", "slow", "c")]
        assert [refusal.code if refusal else 250 for refusal in refusals] == [550, 250, 451, 250]
        assert (await rig.data()).decision.outcome is Outcome.ACCEPTED

    rig = Rig(Picky(), witness)
    run(rig, test)
    assert witness.recipients == ["b@example.com", "c@example.com"]
    assert [given.verdict for given in rig.seen.records[0].refused] == [
        Reject(text="No such user", enhanced="5.1.1"),
        Defer(),
    ]


@pytest.mark.parametrize(
    ("recipients", "outcome"),
    [
        (["nobody", "nobody"], Outcome.REJECTED),
        (["slow"], Outcome.DEFERRED),
        (["slow", "nobody"], Outcome.REJECTED),
        (["nobody", "b"], Outcome.ABORTED),
        ([], Outcome.ABORTED),
    ],
)
def test_an_envelope_whose_recipients_were_all_refused_was_refused(recipients: list[str], outcome: Outcome) -> None:
    async def test(rig: Rig) -> None:
        await rig.mail()
        for name in recipients:
            await rig.rcpt(f"{name}@example.com")
        await rig.connection.abort()

    rig = Rig(Picky())
    run(rig, test)
    assert rig.seen.outcomes == [outcome]


def test_a_failure_of_ours_is_no_refusal_of_the_recipients() -> None:
    async def test(rig: Rig) -> None:
        await rig.mail()
        await rig.rcpt("nobody@example.com")
        await rig.connection.fail()

    rig = Rig(Picky())
    run(rig, test)
    assert rig.seen.outcomes == [Outcome.FAILED]


def test_our_header_is_added_and_forged_ones_are_gone() -> None:
    # AR-02: ours at 1, 3, 5 and 8 of eight.
    pairs = [OURS, THEIRS, OURS, THEIRS, OURS, THEIRS, THEIRS, OURS, FROM]
    rig = Rig(At(Stage.END_OF_MESSAGE, AuthResult()))
    steps = send(rig, *pairs).steps
    assert [step.occurrence for step in steps if isinstance(step, SetHeader)] == [8, 5, 3, 1]
    assert steps[-1] == AddHeader("Authentication-Results", "mx.example.com;\n\tauth=pass")
    assert rig.seen.records[0].stripped == 4
    assert rig.sample("relayguard_headers_stripped_total") == 4


TRUSTED = ("X-Spam-Score", b" -10")


def test_other_fields_that_only_we_may_write_are_gone_too() -> None:
    rules = replace(RULES, strip_headers=name_pattern(["X-Spam-*"]))
    rig = Rig(rules=rules)
    steps = send(rig, TRUSTED, OURS, TRUSTED, FROM).steps
    assert steps[:3] == (
        SetHeader("X-Spam-Score", 2, None),
        SetHeader("Authentication-Results", 1, None),
        SetHeader("X-Spam-Score", 1, None),
    )
    assert rig.seen.records[0].stripped == 3


def test_our_header_is_internationalized_only_if_the_message_is_and_has_no_comments_if_they_are_not_wanted() -> None:
    found = SpfResult(
        value=SpfValue.PASS,
        identity=SpfIdentity.MAIL_FROM,
        domain="example.org",
        identifier="j\u00fc@example.org",
        permissive=True,
        source="found by somebody",
    )

    async def added(rig: Rig, *words: str) -> tuple[object, ...]:
        await rig.mail(words=words)
        await rig.rcpt()
        return (await rig.data()).steps

    async def both(rig: Rig) -> None:
        for words, shown in (((), "@example.org"), (("SMTPUTF8",), "j\u00fc@example.org")):
            value = f"mx.example.com;\n\tspf=pass smtp.mailfrom={shown} policy.spf=permissive"
            assert await added(rig, *words) == (AddHeader("Authentication-Results", value),)

    run(Rig(At(Stage.END_OF_MESSAGE, found), rules=replace(RULES, comments=False)), both)


def test_the_headers_of_our_own_relays_are_kept() -> None:
    async def test(rig: Rig) -> None:
        await rig.greet(Client(RULES.trusted_relays[0][1]))
        steps = (
            await rig.message(("Authentication-Results", b" mx.example.com; spf=pass smtp.helo=h.example"), FROM)
        ).steps
        # And what it found is taken over.
        value = "mx.example.com;\n\tspf=pass (found by 203.0.113.1) smtp.helo=h.example"
        assert steps == (AddHeader("Authentication-Results", value),)

    run(Rig(), test)


def test_too_many_headers_of_strangers_are_counted() -> None:
    rig = Rig()
    send(rig, *[THEIRS] * 51, OURS)
    assert rig.counted.caps == [Cap.AUTHENTICATION_RESULTS]
    assert rig.seen.records[0].stripped == 1


@pytest.mark.parametrize(("verdict", "steps"), [(Reject(), 0), (Defer(), 0), (Discard(), 0), (Quarantine(), 2)])
def test_only_a_message_that_goes_on_is_edited_and_shown_to_signers(verdict: Verdict, steps: int) -> None:
    signer = Signer()
    ending = send(Rig(At(Stage.END_OF_MESSAGE, verdict), signer))
    assert len(ending.steps) == steps
    assert (signer.body is not None) is (steps > 0)


def test_a_signer_sees_the_message_as_it_will_leave() -> None:
    headers = Headers.of(OURS, FROM, ("Subject", b" old"))
    edits = (
        ChangeHeader(headers[2], "new"),
        DeleteHeader(headers[0]),
        AddHeader("X-End", "1", at_top=False),
        AddRecipient("archive@example.com"),
        ReplaceBody(b"replaced\r\n"),
    )
    signer = Signer()
    ending = send(Rig(At(Stage.END_OF_MESSAGE, *edits), signer), OURS, FROM, ("Subject", b" old"))
    assert signer.headers == [
        ("Authentication-Results", "mx.example.com; none"),
        ("From", "a@example.org"),
        ("Subject", "new"),
        ("X-End", "1"),
    ]
    assert signer.body == b"replaced\r\n"
    assert ending.steps[-1] == AddHeader("X-Signature", "s")


@pytest.mark.parametrize("size", [0, 10, SPOOL_BYTES + 1])
def test_a_signer_sees_the_body_whatever_its_size(size: int) -> None:
    signer = Signer()
    send(Rig(signer), body=[b"x" * size])
    assert signer.body == b"x" * size
    send(Rig(At(Stage.END_OF_MESSAGE, ReplaceBody(b"y" * size)), signer))
    assert signer.body == b"y" * size


class TwoFaced(Signer):
    @hookimpl
    def outgoing(self, message: Message) -> Iterator[Effect]:
        yield AddHeader("X-Signature", "s")
        yield Reject()


def test_after_the_decision_a_signer_can_only_add_headers() -> None:
    ending = send(Rig(TwoFaced()))
    assert ending.decision.outcome is Outcome.ACCEPTED
    assert AddHeader("X-Signature", "s") not in ending.steps


def test_a_header_block_over_256_kb_is_shown_in_part_and_called_incomplete() -> None:
    witness = Witness()
    rig = Rig(witness)
    big = [("X-Big", b"x" * 60_000)] * 5
    ending = send(rig, FROM, *big, OURS)
    assert witness.headers is not None
    assert not witness.headers.complete
    assert len(witness.headers) == 5
    assert rig.counted.caps == [Cap.HEADER_BLOCK]
    assert SetHeader("Authentication-Results", 1, None) in ending.steps


def test_a_header_of_more_than_5000_fields_is_shown_in_part_and_what_is_forged_in_it_is_gone() -> None:
    witness = Witness()
    rig = Rig(witness)
    ending = send(rig, FROM, *[("X", b" y")] * MAX_FIELDS, OURS, ("X", b" z"), THEIRS, OURS)
    assert witness.headers is not None
    assert not witness.headers.complete
    assert len(witness.headers) == MAX_FIELDS
    assert rig.counted.caps == [Cap.HEADER_BLOCK]
    assert [step.occurrence for step in ending.steps if isinstance(step, SetHeader)] == [3, 1]


def test_a_message_with_more_fields_than_anybody_sends_is_refused_unless_this_host_made_it() -> None:
    flood = [FROM, *[("X", b" y")] * MAX_TOTAL]
    ending = send(Rig(), *flood)
    assert ending.decision.verdict == Reject(text="Too many header fields")
    assert ending.decision.filter == "relayguard"
    assert ending.steps == ()

    for networks in (RULES.local_networks, RULES.trusted_relays):

        async def ours(rig: Rig, client: Client = Client(networks[0][1])) -> Ending:  # noqa: B008
            await rig.greet(client)
            return await rig.message(*flood)

        assert run(Rig(), ours).decision.outcome is Outcome.ACCEPTED


def test_a_header_block_of_just_256_kb_is_shown_whole() -> None:
    witness = Witness()
    rig = Rig(witness)
    send(rig, ("X", b"x" * (HEADER_BLOCK_BYTES - 4)))
    assert witness.headers is not None
    assert witness.headers.complete
    assert rig.counted.caps == []


def test_a_body_past_256_kb_is_kept_whole() -> None:
    witness = Witness()
    chunks = [bytes([number]) * 65_535 for number in range(6)]
    rig = Rig(witness)
    send(rig, body=chunks)
    assert witness.body == b"".join(chunks)
    assert rig.seen.records[0].size > SPOOL_BYTES


@pytest.mark.parametrize(
    ("macros", "results"),
    [
        ({"{auth_authen}": "alice", "{auth_type}": "PLAIN"}, [AuthResult()]),
        ({"{auth_type}": "GSSAPI"}, [AuthResult()]),
    ],
)
def test_who_logged_in_is_reported_without_the_name(macros: dict[str, str], results: list[object]) -> None:
    async def test(rig: Rig) -> None:
        await rig.mail(**macros)
        await rig.rcpt()
        await rig.data()

    rig = Rig()
    run(rig, test)
    record = rig.seen.records[0]
    assert list(record.results) == results
    assert record.authentication_results == "mx.example.com;\n\tauth=pass"


def test_the_decision_is_told_to_the_filters_once() -> None:
    witness = Witness()
    send(Rig(At(Stage.END_OF_MESSAGE, Quarantine()), witness))
    assert witness.decisions == [Decision(Outcome.QUARANTINED, Quarantine(), "at")]


@pytest.mark.parametrize(
    ("stage", "verdict", "would_be"),
    [
        (Stage.MAIL_FROM, Reject(), Outcome.REJECTED),
        (Stage.END_OF_HEADERS, Quarantine(), Outcome.QUARANTINED),
        (Stage.END_OF_MESSAGE, Defer(), Outcome.DEFERRED),
    ],
)
def test_in_shadow_mode_the_message_goes_on_and_the_would_be_decision_is_kept(
    stage: Stage, verdict: Verdict, would_be: Outcome
) -> None:
    rig = Rig(At(stage, AddHeader("X", "y"), verdict), policy=SHADOW)
    ending = send(rig)
    assert ending.decision.outcome is Outcome.ACCEPTED
    assert AddHeader("X", "y") not in ending.steps
    assert rig.seen.records[0].would_be == Decision(would_be, verdict, "at")
    assert rig.sample("relayguard_would_be_total") == 1


def test_the_would_be_decision_is_that_of_all_filters_together() -> None:
    enforced, shadow = At(Stage.END_OF_MESSAGE, Quarantine()), Also(Stage.END_OF_MESSAGE, Reject())
    policies: Any = {shadow: SHADOW}
    rig = Rig(enforced, shadow, policy=policies)
    assert send(rig).decision.outcome is Outcome.QUARANTINED
    assert rig.seen.records[0].would_be == Decision(Outcome.REJECTED, Reject(), "also")


def told(rig: Rig, *names: str, message: bool = True) -> list[object]:
    """What the recipients were told, one by one; then the message is sent, or given up."""

    async def test(rig: Rig) -> list[object]:
        await rig.mail()
        replies: list[object] = [await rig.rcpt(f"{name}@example.com") for name in names]
        await (rig.data() if message else rig.connection.abort())
        return replies

    return run(rig, test)


NOBODY = Reject(text="No such user", enhanced="5.1.1")


def test_in_shadow_mode_every_recipient_is_accepted_and_who_would_not_have_been_is_kept() -> None:
    witness = Witness()
    rig = Rig(Picky(), witness, policy=SHADOW)
    assert told(rig, "nobody", "b", "slow") == [None] * 3
    assert witness.recipients == ["nobody@example.com", "b@example.com", "slow@example.com"]
    (record,) = rig.seen.records
    assert [(given.filter, given.verdict) for given in record.would_refuse] == [("picky", NOBODY), ("picky", Defer())]
    assert record.refused == ()
    # One of them would have got the message.
    assert record.would_be == record.decision == Decision(Outcome.ACCEPTED)
    assert rig.sample("relayguard_recipients_would_be_refused_total") == 2
    assert rig.sample("relayguard_would_be_total") == 0


@pytest.mark.parametrize("message", [True, False])
@pytest.mark.parametrize(
    ("names", "would_be"),
    [
        (["nobody"], Decision(Outcome.REJECTED, NOBODY, "picky")),
        (["slow", "slow"], Decision(Outcome.DEFERRED, Defer(), "picky")),
        (["slow", "nobody"], Decision(Outcome.REJECTED, NOBODY, "picky")),
    ],
)
def test_a_message_whose_recipients_would_all_have_been_refused_would_never_have_been_sent(
    names: list[str], would_be: Decision, *, message: bool
) -> None:
    rig = Rig(Picky(), Also(Stage.END_OF_MESSAGE, Quarantine()), policy=SHADOW)
    told(rig, *names, message=message)
    (record,) = rig.seen.records
    assert record.decision.outcome is (Outcome.ACCEPTED if message else Outcome.ABORTED)
    assert record.would_be == would_be
    assert rig.sample("relayguard_would_be_total") == 1


@pytest.mark.parametrize(("names", "outcome"), [(["b"], Outcome.QUARANTINED), (["nobody", "b"], Outcome.QUARANTINED)])
def test_a_message_that_would_have_had_a_recipient_would_have_been_judged(names: list[str], outcome: Outcome) -> None:
    rig = Rig(Picky(), Also(Stage.END_OF_MESSAGE, Quarantine()), policy=SHADOW)
    told(rig, *names)
    assert rig.seen.records[0].would_be.outcome is outcome


class Strict:
    """Refuses for good whom another only defers."""

    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        if recipient.local == "slow":
            yield Reject()


def test_a_recipient_that_was_refused_would_have_been_only_if_otherwise() -> None:
    picky, strict = Picky(), Strict()
    policies: Any = {strict: SHADOW}
    rig = Rig(picky, strict, policy=policies)
    assert told(rig, "nobody", "slow", message=False) == [NOBODY, Defer()]
    (record,) = rig.seen.records
    assert [given.verdict for given in record.refused] == [NOBODY, Defer()]
    assert [(given.filter, given.verdict) for given in record.would_refuse] == [("strict", Reject())]
    # Refused he would have been either way, and by the first.
    assert record.would_be == record.decision == Decision(Outcome.REJECTED, NOBODY, "picky")


def test_what_was_really_refused_counts_among_what_would_have_been() -> None:
    picky, strict = Picky(), Strict()
    policies: Any = {picky: SHADOW}
    rig = Rig(strict, picky, policy=policies)
    assert told(rig, "slow", "nobody") == [Reject(), None]
    (record,) = rig.seen.records
    assert record.decision == Decision(Outcome.ACCEPTED)
    assert record.would_be == Decision(Outcome.REJECTED, Reject(), "strict")


def test_of_several_ends_that_would_have_been_the_client_would_have_seen_the_first() -> None:
    rig = Rig(At(Stage.MAIL_FROM, Defer()), Picky(), Also(Stage.END_OF_MESSAGE, Reject()), policy=SHADOW)
    told(rig, "nobody")
    assert rig.seen.records[0].would_be == Decision(Outcome.DEFERRED, Defer(), "at")


def test_an_envelope_that_was_given_up_would_have_been_refused_before() -> None:
    rig = Rig(At(Stage.MAIL_FROM, Reject()), policy=SHADOW)
    told(rig, message=False)
    assert (rig.seen.outcomes, rig.seen.records[0].would_be.outcome) == ([Outcome.ABORTED], Outcome.REJECTED)


def test_an_envelope_that_was_given_up_before_anything_was_decided_would_have_been_too() -> None:
    rig = Rig(Picky(), Also(Stage.END_OF_HEADERS, Reject()), policy=SHADOW)
    told(rig, "nobody", "b", message=False)
    assert rig.seen.records[0].would_be == rig.seen.records[0].decision == Decision(Outcome.ABORTED)


def test_a_failure_of_ours_would_have_been_one() -> None:
    async def test(rig: Rig) -> None:
        await rig.mail()
        await rig.rcpt("nobody@example.com")
        await rig.connection.fail()

    rig = Rig(Picky(), policy=SHADOW)
    run(rig, test)
    assert rig.seen.records[0].would_be == Decision(Outcome.FAILED)


class Reader:
    """Comes after a filter in shadow mode, and goes by what it found."""

    @hookimpl
    def end_of_message(self, results: Results) -> Iterator[Effect]:
        if results.of(AuthResult):
            yield Quarantine(reason="as the other found")


def test_what_a_filter_in_shadow_mode_found_is_reported_and_feeds_the_later_ones() -> None:
    shadow = At(Stage.END_OF_HEADERS, AuthResult(), AddHeader("X", "y"), Reject())
    policies: Any = {shadow: SHADOW}
    rig = Rig(shadow, Reader(), policy=policies)
    ending = send(rig)
    assert ending.decision == Decision(Outcome.QUARANTINED, Quarantine(reason="as the other found"), "reader")
    assert ending.steps == (AddHeader("Authentication-Results", "mx.example.com;\n\tauth=pass"),)
    assert rig.seen.records[0].would_be == Decision(Outcome.REJECTED, Reject(), "at")


def test_a_signer_in_shadow_mode_computes_and_adds_nothing() -> None:
    signer = Signer()
    ending = send(Rig(signer, policy=SHADOW))
    assert signer.body == b"hello\r\n"
    assert [type(step) for step in ending.steps] == [AddHeader]
    assert AddHeader("X-Signature", "s") not in ending.steps


FORGED = [FROM, *[("Authentication-Results", b" mx.example.com; dkim=pass")] * 300]


def test_incoming_mail_with_hundreds_of_forged_headers_is_refused() -> None:
    rig = Rig()
    ending = send(rig, *FORGED)
    assert (ending.decision.outcome, ending.decision.filter, ending.steps) == (Outcome.REJECTED, "relayguard", ())
    assert rig.seen.records[0].stripped == 0


def test_local_mail_is_stripped_of_them_and_never_refused() -> None:
    async def local(rig: Rig) -> Ending:
        await rig.greet(Client(None))
        return await rig.message(*FORGED)

    rig = Rig()
    ending = run(rig, local)
    assert ending.decision.outcome is Outcome.ACCEPTED
    assert rig.seen.records[0].stripped == 300


class RefusesAtConnect:
    @hookimpl
    def connect(self) -> Iterator[Effect]:
        yield Reject(text="not you")


def test_a_client_that_was_refused_is_refused_each_envelope_that_it_begins_all_the_same() -> None:
    async def stubborn(rig: Rig) -> list[object]:
        await rig.greet()
        return [await rig.mail(), await rig.mail()]

    rig = Rig(RefusesAtConnect())
    assert run(rig, stubborn) == [Reject(text="not you")] * 2
    assert rig.seen.outcomes == [Outcome.REJECTED] * 2
