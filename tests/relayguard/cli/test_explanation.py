import asyncio

from relayguard.cli.explanation import explain
from relayguard.config import Config
from relayguard.core.envelope import Role
from relayguard.rehearsal import rehearsal_of, rehearse


def test_a_refusal_at_mail_from_is_named_with_its_stage() -> None:
    rehearsal = rehearsal_of(
        b"From: a@b.example\r\n\r\n", "192.0.2.1", "x.example", "broken@@x", ("p",), Role.INCOMING
    )
    trace = asyncio.run(rehearse(rehearsal, Config(profile="enforce", filters=("author",)), ""))
    lines = list(explain(trace))
    assert "refused at mail_from: 501 5.1.7 Malformed sender address: malformed local part" in lines
    assert "decision: rejected by author: 501 5.1.7 Malformed sender address: malformed local part" in lines
