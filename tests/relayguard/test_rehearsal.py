import asyncio

from relayguard.config import Config
from relayguard.core.decision import Outcome
from relayguard.core.envelope import Role
from relayguard.rehearsal import Trace, rehearsal_of, rehearse

MESSAGE = b"From: Alice <alice@good.example>\n\nhello\n"
ZONE = 'good.example. IN TXT "v=spf1 ip4:127.0.0.1 -all"\n'


def run(
    client: str = "127.0.0.1", role: Role = Role.INCOMING, recipients: tuple[str, ...] = ("bob@x.example",)
) -> Trace:
    rehearsal = rehearsal_of(MESSAGE, client, "good.example", None, recipients, role)
    return asyncio.run(rehearse(rehearsal, Config(), ZONE))


def test_the_author_is_taken_for_the_sender_if_none_is_given() -> None:
    record = run().record
    assert record is not None
    assert str(record.envelope.sender) == "alice@good.example"


def test_an_incoming_message_is_incoming_even_from_loopback() -> None:
    record = run().record
    assert record is not None
    assert record.envelope.role is Role.INCOMING
    assert record.decision.outcome is Outcome.ACCEPTED


def test_what_was_asked_is_written_down_once() -> None:
    names = [asked.question for asked in run().asked]
    assert len(names) == len(set(names)) > 2


def test_without_a_recipient_the_envelope_is_given_up() -> None:
    record = run(recipients=()).record
    assert record is not None
    assert record.decision.outcome is Outcome.ABORTED
