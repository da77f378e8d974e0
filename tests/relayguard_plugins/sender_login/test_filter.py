import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Defer, Effect, Envelope, Headers, Reject, Role, Verdict, parse_path
from relayguard.config import Config
from relayguard.pipeline.filters import Policy
from relayguard.pipeline.registry import Candidate, register
from relayguard.rehearsal import Trace, rehearsal_of, rehearse
from relayguard.testing import an_envelope, collect, some_headers, some_services
from relayguard_plugins.sender_login.claims import Identity
from relayguard_plugins.sender_login.filter import SenderLoginFilter
from relayguard_plugins.sender_login.judgement import SenderLogin
from relayguard_plugins.sender_login.options import Options

BOB = "bob@example.com"


def refusal(text: str) -> Reject:
    return Reject(text=text, code=553, enhanced="5.7.1")


def submitted(sender: str = BOB, login: str | None = BOB) -> Envelope:
    return an_envelope(sender, Role.SUBMISSION, login=login)


def verdicts(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, Verdict)]


def at_mail(sender: str, login: str | None = BOB, **options: Any) -> list[Effect]:
    each = SenderLoginFilter(Options(**options), some_services())
    return verdicts(collect(each.mail_from(submitted(sender, login))))


def at_headers(text: str, login: str | None = BOB, **options: Any) -> list[Effect]:
    each = SenderLoginFilter(Options(**options), some_services())
    return verdicts(collect(each.end_of_headers(submitted(login=login), some_headers(text))))


def test_a_user_writes_as_itself() -> None:
    assert at_mail("Bob+news@Example.com") == []
    assert at_headers("From: Bob <bob@example.com>\nSender: bob+x@example.com\n") == []


def test_a_foreign_envelope_sender_is_refused_at_once() -> None:
    text = "bob@example.com may not write as alice@example.com (MAIL FROM)"
    assert at_mail("alice@example.com") == [refusal(text)]


def test_a_foreign_author_and_a_foreign_sender_are_refused_when_the_header_is_known() -> None:
    assert at_headers("From: alice@example.com\nSender: carol@example.com\n") == [
        refusal("bob@example.com may not write as alice@example.com (From)"),
        refusal("bob@example.com may not write as carol@example.com (Sender)"),
    ]


@pytest.mark.parametrize("sender", ["bob", "postmaster", "bob@-.com"])
def test_a_sender_that_the_mta_would_complete_or_repair_is_refused(sender: str) -> None:
    (refusal,) = at_mail(sender)
    assert isinstance(refusal, Reject)
    assert refusal.text.startswith("It must be clear who writes: malformed sender address")


def test_the_null_sender_is_allowed_unless_the_postmaster_says_otherwise() -> None:
    assert at_mail("") == []
    assert at_mail("", null_sender=False) == [refusal("bob@example.com may not write as <> (MAIL FROM)")]


def test_who_logged_in_without_a_name_may_write_as_nobody() -> None:
    (refusal,) = at_mail("bob@example.com", login="")
    assert isinstance(refusal, Reject)
    assert refusal.text == "a login without a name may not write as bob@example.com (MAIL FROM)"


@pytest.mark.parametrize(
    ("role", "login"),
    [(Role.SUBMISSION, None), (Role.LOCAL, None), (Role.INCOMING, None), (Role.LOCAL, BOB), (Role.INCOMING, BOB)],
)
def test_only_a_submission_with_a_login_is_judged(role: Role, login: str | None) -> None:
    each = SenderLoginFilter(Options(), some_services())
    envelope = an_envelope("alice@example.com", role, login=login)
    assert collect(each.mail_from(envelope)) == []
    assert collect(each.end_of_headers(envelope, some_headers("Subject: x\n"))) == []


def test_only_the_identities_are_looked_at_that_the_postmaster_names() -> None:
    foreign = "From: alice@example.com\nSender: alice@example.com\n"
    assert at_mail("alice@example.com", identities=(Identity.FROM,)) == []
    assert len(at_headers(foreign, identities=(Identity.FROM,))) == 1
    assert len(at_headers(foreign, identities=(Identity.MAIL_FROM, Identity.SENDER))) == 1


def test_the_header_is_not_asked_for_where_only_the_envelope_is_looked_at() -> None:
    def hooks(*identities: Identity) -> set[str]:
        each = SenderLoginFilter(Options(identities=identities), some_services())
        (registered,) = register([Candidate("sender_login", each, Policy())])
        return {stage.value for stage in registered.hooks}

    assert hooks(Identity.MAIL_FROM) == {"mail_from"}
    assert hooks(Identity.SENDER) == {"mail_from", "end_of_headers"}


def test_a_map_says_who_may_write_as_whom_and_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_text(f"info@example.com {BOB}\n")
    each = SenderLoginFilter(Options(map=path), some_services())
    assert not each.blocking
    assert collect(each.mail_from(submitted("info@example.com"))) == []
    path.write_text("info@example.com alice\n")
    each.refresh()
    assert verdicts(collect(each.mail_from(submitted("info@example.com"))))
    path.write_text("info\n")
    with pytest.raises(ValueError, match="line 1"):
        each.refresh()
    assert collect(each.mail_from(submitted("info@example.com", "alice"))) == []


def test_a_map_that_cannot_be_read_at_the_start_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        SenderLoginFilter(Options(map=tmp_path / "map"), some_services())


def test_a_database_is_waited_for_in_threads_and_if_it_cannot_tell_mail_waits(tmp_path: Path) -> None:
    path = tmp_path / "who.sqlite"
    each = SenderLoginFilter(Options(database=path, cache_seconds=0.0), some_services())
    assert each.blocking
    register([Candidate("sender_login", each, Policy())])
    (found, defer) = collect(each.mail_from(submitted("info@example.com")))
    assert isinstance(found, SenderLogin)
    assert found.why.startswith("cannot tell: ")
    assert isinstance(defer, Defer)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE sender_login (address, login)")
        database.execute("INSERT INTO sender_login VALUES ('info@example.com', 'bob@example.com')")
    assert collect(each.mail_from(submitted("info@example.com"))) == []


def test_a_wrong_query_is_a_mistake_at_the_start(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "who.sqlite").close()
    (tmp_path / "who.sqlite").touch()
    with pytest.raises(ValueError, match="no such table"):
        SenderLoginFilter(Options(database=tmp_path / "who.sqlite"), some_services())


def played(profile: str, message: bytes = b"From: alice@example.com\n\nBody.\n", **table: Any) -> Trace:
    config = Config.model_validate(
        {"profile": profile, "filters": ("sender_login",), "filter": {"sender_login": table}}
    )
    rehearsal = rehearsal_of(message, "192.0.2.1", "laptop", BOB, ("a@example.net",), Role.SUBMISSION, login=BOB)
    return asyncio.run(rehearse(rehearsal, config, ""))


def test_under_the_profile_monitor_it_only_says_what_it_would_do() -> None:
    record = played("monitor").record
    assert record is not None
    assert (record.decision.outcome, record.would_be.outcome) == ("accepted", "rejected")
    assert [result.noted() for result in record.results if isinstance(result, SenderLogin)] == [
        "From alice@example.com, login bob@example.com: not allowed"
    ]


def test_under_the_profile_enforce_it_refuses() -> None:
    record = played("enforce", identities=["from"]).record
    assert record is not None
    assert record.decision.outcome == "rejected"


FIELDS = st.lists(
    st.tuples(st.sampled_from(["From", "Sender", "X"]), st.binary(max_size=80) | st.just(b" bob@example.com")),
    max_size=3,
)
EACH = SenderLoginFilter(Options(), some_services())


@given(FIELDS, st.binary(max_size=60), st.text(max_size=30))
def test_whatever_a_user_sends_is_allowed_or_refused_and_never_fails(
    fields: list[tuple[str, bytes]], path: bytes, login: str
) -> None:
    envelope = Envelope(sender=parse_path(path), role=Role.SUBMISSION, login=login)
    effects = [*collect(EACH.mail_from(envelope)), *collect(EACH.end_of_headers(envelope, Headers.of(*fields)))]
    assert all(isinstance(effect, SenderLogin | Reject) for effect in effects)
    assert len(verdicts(effects)) * 2 == len(effects)
    for effect in effects:
        if isinstance(effect, Reject):
            assert all(line.isascii() for line in effect.lines())
